//! Fields of new users.

use std::sync::Arc;

use faroe_core::user_store::{
    CreateUserOutcome, NewUser, User, UserFieldValue, UserFields, UserStore,
};

use super::{address, create, password_hash, shows};
use crate::conformance::case::{Case, CaseResult, Failure, cases, equal, random};

pub(super) const CASES_WITHOUT: &[Case<dyn UserStore>] =
    cases![a_field_that_the_store_does_not_know_creates_no_user,];

pub(super) const CASES: &[Case<dyn UserStore>] = cases![
    accepted_fields_create_a_user,
    a_field_that_the_table_has_and_the_store_does_not_know_creates_no_user,
    a_missing_mandatory_field_creates_no_user,
    a_value_of_another_type_creates_no_user,
    a_value_that_is_refused_creates_no_user,
    a_value_that_another_user_has_creates_no_user,
    a_used_address_is_told_of_before_any_field,
    text_is_only_text,
];

fn full_name() -> UserFields {
    UserFields::from_iter([("full_name", "Ada Lovelace")])
}

fn with(name: &str, value: impl Into<UserFieldValue>) -> UserFields {
    let mut fields = full_name();
    fields.insert(name, value);
    fields
}

async fn create_with(
    users: &dyn UserStore,
    address: &str,
    fields: UserFields,
) -> Result<CreateUserOutcome, Failure> {
    let mut new_user = NewUser::new(address, password_hash(0));
    new_user.user_fields = fields;
    Ok(users.create_user(new_user).await?)
}

async fn accepts(users: &dyn UserStore, fields: UserFields) -> Result<User, Failure> {
    match create_with(users, &address(), fields).await? {
        CreateUserOutcome::Created(user) => {
            shows(users, &user).await?;
            Ok(user)
        }
        other => Err(Failure::new(format!("unexpected outcome {other:?}"))),
    }
}

/// Fails unless the fields are refused, nothing is created, and the same address can be used with good fields.
async fn refuses(users: &dyn UserStore, fields: UserFields, good: UserFields) -> CaseResult {
    let address = address();
    let refused = create_with(users, &address, fields).await?;
    equal(&refused, &CreateUserOutcome::InvalidUserFields)?;
    equal(&users.get_user_by_email_address(&address).await?, &None)?;
    match create_with(users, &address, good).await? {
        CreateUserOutcome::Created(_) => Ok(()),
        other => Err(Failure::new(format!("unexpected outcome {other:?}"))),
    }
}

async fn a_field_that_the_store_does_not_know_creates_no_user(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    for name in ["is_admin", "", "id", "disabled", "\"", "a\0b"] {
        let fields = UserFields::from_iter([(name, true)]);
        refuses(&*users, fields, UserFields::default()).await?;
    }
    create(&*users, &address()).await.map(drop)
}

async fn accepted_fields_create_a_user(users: Arc<dyn UserStore>) -> CaseResult {
    accepts(&*users, full_name()).await?;
    let all = UserFields::from_iter([
        (
            "full_name",
            UserFieldValue::from("Ada \u{1f469}\u{200d}\u{1f4bb} O'Neill; -- \\"),
        ),
        ("username", random().into()),
        ("age", i64::from(i32::MAX).into()),
        ("newsletter", true.into()),
    ]);
    accepts(&*users, all).await.map(drop)
}

async fn a_field_that_the_table_has_and_the_store_does_not_know_creates_no_user(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    for name in [
        "is_admin",
        "id",
        "email_address",
        "disabled",
        "FULL_NAME",
        "full_name ",
        "",
    ] {
        refuses(&*users, with(name, "1"), full_name()).await?;
    }
    Ok(())
}

async fn a_missing_mandatory_field_creates_no_user(users: Arc<dyn UserStore>) -> CaseResult {
    refuses(&*users, UserFields::default(), full_name()).await?;
    let other = UserFields::from_iter([("newsletter", true)]);
    refuses(&*users, other, full_name()).await
}

async fn a_value_of_another_type_creates_no_user(users: Arc<dyn UserStore>) -> CaseResult {
    for fields in [
        with("full_name", 1),
        with("full_name", true),
        with("age", "1"),
        with("age", ""),
        with("age", 1.5),
        with("newsletter", "true"),
        with("newsletter", 0.5),
    ] {
        refuses(&*users, fields, full_name()).await?;
    }
    Ok(())
}

async fn a_value_that_is_refused_creates_no_user(users: Arc<dyn UserStore>) -> CaseResult {
    refuses(&*users, with("full_name", "x".repeat(101)), full_name()).await?;
    refuses(&*users, with("age", -1), full_name()).await
}

async fn a_value_that_another_user_has_creates_no_user(users: Arc<dyn UserStore>) -> CaseResult {
    let username = random();
    accepts(&*users, with("username", username.clone())).await?;
    refuses(&*users, with("username", username), full_name()).await
}

async fn a_used_address_is_told_of_before_any_field(users: Arc<dyn UserStore>) -> CaseResult {
    let username = random();
    let user = accepts(&*users, with("username", username.clone())).await?;
    let again = create_with(&*users, &user.email_address, with("username", username)).await?;
    equal(&again, &CreateUserOutcome::EmailAddressAlreadyUsed)?;
    shows(&*users, &user).await
}

async fn text_is_only_text(users: Arc<dyn UserStore>) -> CaseResult {
    for text in [
        "",
        " ",
        "'",
        "\"",
        "\\",
        "%",
        "NULL",
        "DEFAULT",
        "$1",
        "?",
        "); DROP TABLE users; --",
    ] {
        accepts(&*users, with("full_name", text)).await?;
    }
    Ok(())
}
