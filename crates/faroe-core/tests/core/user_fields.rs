//! P81: fields of new users.

use std::sync::{Arc, Mutex};

use faroe_core::{
    protocol::{secret::SignupToken, signup::CompleteSignup},
    user_store::{UserFieldValue, UserFields, UserFieldsValidator},
};
use faroe_testkit::{
    fault::Fault,
    promise,
    user_store::{ReferenceUserStore, UserStoreCall},
};

use crate::harness::{EMAIL, Harness, outcome};

const LISTED: [&str; 4] = ["full_name", "username", "age", "newsletter"];

/// A server that accepts the listed fields, over a store that has them.
fn harness(users: &Arc<ReferenceUserStore>) -> Harness {
    let mut harness = Harness::with(|parts, options| {
        parts.user_store = Arc::clone(users) as _;
        options.signup_fields = LISTED.map(String::from).into();
    });
    harness.users = Arc::clone(users);
    harness
}

fn full_name() -> UserFields {
    UserFields::from_iter([("full_name", "Ada Lovelace")])
}

fn with(name: &str, value: impl Into<UserFieldValue>) -> UserFields {
    let mut fields = full_name();
    fields.insert(name, value);
    fields
}

fn complete(signup_token: &SignupToken, fields: impl Into<Option<UserFields>>) -> CompleteSignup {
    let mut complete = CompleteSignup::new(signup_token.clone());
    complete.user_fields = fields.into();
    complete
}

#[tokio::test]
async fn p81_fields_reach_the_store_with_the_user() {
    let users = Arc::new(ReferenceUserStore::with_fields());
    let harness = harness(&users);
    let signup_token = harness.completable_signup().await;
    let mut fields = with("age", 36);
    fields.insert("newsletter", true);
    assert_eq!(
        outcome(&harness.server, complete(&signup_token, fields.clone())).await,
        "ok"
    );
    let created = users.users();
    assert_eq!(created.len(), 1);
    assert_eq!(users.user_fields(&created[0].id), fields);
    promise::report("P81", "3 fields of a new user");
}

#[tokio::test]
async fn p81_refused_fields_create_nothing_and_the_signup_lives_on() {
    let users = Arc::new(ReferenceUserStore::with_fields());
    let harness = harness(&users);
    let signup_token = harness.completable_signup().await;
    let before = harness.records("signup");
    let mut refused = 0;
    for (fields, reaches_the_store) in [
        (None, true),
        (Some(UserFields::default()), true),
        (Some(with("age", "36")), true),
        (Some(with("age", -1)), true),
        (Some(with("is_admin", true)), false),
        (Some(with("FULL_NAME", "Ada")), false),
        (Some(with("email_address", "eve@example.com")), false),
        (
            Some(with("username", "x".repeat(UserFields::MAX_SIZE))),
            false,
        ),
        (Some(with("age", f64::NAN)), false),
    ] {
        users.take_calls();
        let answer = outcome(&harness.server, complete(&signup_token, fields)).await;
        assert_eq!(answer, "invalid_user_fields");
        let calls = users.take_calls();
        assert_eq!(
            calls.contains(&UserStoreCall::CreateUser),
            reaches_the_store
        );
        assert_eq!(users.users(), []);
        assert_eq!(harness.records("signup"), before);
        refused += 1;
    }
    let completed = outcome(&harness.server, complete(&signup_token, full_name())).await;
    assert_eq!(completed, "ok");
    assert_eq!(harness.log.errors(), []);
    promise::report(
        "P81",
        format_args!("{refused} refusals of one sign-up, then its completion"),
    );
}

#[tokio::test]
async fn p81_without_a_list_no_field_reaches_the_store() {
    let harness = Harness::new();
    let signup_token = harness.completable_signup().await;
    harness.users.take_calls();
    let answer = outcome(&harness.server, complete(&signup_token, full_name())).await;
    assert_eq!(answer, "invalid_user_fields");
    assert_eq!(harness.users.take_calls(), []);
    let empty = complete(&signup_token, UserFields::default());
    assert_eq!(outcome(&harness.server, empty).await, "ok");
}

#[tokio::test]
async fn p81_an_earlier_step_is_told_of_first() {
    let users = Arc::new(ReferenceUserStore::with_fields());
    let harness = harness(&users);
    let bad = || with("is_admin", true);
    let unverified = harness.create_signup().await;
    let answer = outcome(&harness.server, complete(&unverified, bad())).await;
    assert_eq!(answer, "email_address_not_verified");
    let without_password = harness.verified_signup().await;
    let answer = outcome(&harness.server, complete(&without_password, bad())).await;
    assert_eq!(answer, "password_not_set");
    let unknown = SignupToken::from("id.secret");
    let answer = outcome(&harness.server, complete(&unknown, bad())).await;
    assert_eq!(answer, "invalid_signup_token");
}

#[derive(Debug, Default)]
struct NoRobots(Mutex<Vec<String>>);

impl UserFieldsValidator for NoRobots {
    fn is_valid(&self, email_address: &str, user_fields: &UserFields) -> bool {
        self.0.lock().unwrap().push(email_address.to_owned());
        user_fields.get("full_name") != Some(&"Robot".into())
    }
}

#[tokio::test]
async fn p81_the_validator_is_asked_before_the_store() {
    let users = Arc::new(ReferenceUserStore::with_fields());
    let validator = Arc::new(NoRobots::default());
    let harness = Harness::with(|parts, options| {
        parts.user_store = Arc::clone(&users) as _;
        options.signup_fields = vec!["full_name".into()];
        options.user_fields_validator = Arc::clone(&validator) as _;
    });
    let signup_token = harness.completable_signup().await;
    users.take_calls();
    let robot = UserFields::from_iter([("full_name", "Robot")]);
    let answer = outcome(&harness.server, complete(&signup_token, robot)).await;
    assert_eq!(answer, "invalid_user_fields");
    assert_eq!(users.take_calls(), []);
    let answer = outcome(&harness.server, complete(&signup_token, full_name())).await;
    assert_eq!(answer, "ok");
    assert_eq!(*validator.0.lock().unwrap(), [EMAIL, EMAIL]);
}

#[tokio::test]
async fn p81_a_retry_finds_its_user_whatever_fields_it_gives() {
    for fields in [None, Some(with("age", "36")), Some(full_name())] {
        let users = Arc::new(ReferenceUserStore::with_fields());
        let harness = harness(&users);
        let signup_token = harness.completable_signup().await;
        let (server, faults) = harness.beside(|_, options| {
            options.signup_fields = LISTED.map(String::from).into();
        });
        faults.at_next("UserStore::create_user", Fault::LoseTheAnswer);
        faults.at_next(
            "UserStore::get_user_by_email_address",
            Fault::FailBeforeActing,
        );
        let first = complete(&signup_token, with("username", "ada"));
        assert_eq!(outcome(&server, first).await, "internal_error");
        assert_eq!(
            outcome(&server, complete(&signup_token, fields)).await,
            "ok"
        );
        let created = users.users();
        assert_eq!(created.len(), 1);
        let stored = users.user_fields(&created[0].id);
        assert_eq!(stored, with("username", "ada"));
    }
}
