//! Addresses are compared exactly and are unique.

use std::{collections::BTreeSet, sync::Arc};

use faroe_core::user_store::{
    Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome, User,
    UserStore,
};

use super::{address, create, password_hash, shows};
use crate::conformance::case::{Case, CaseResult, cases, equal, random};

pub(super) const CASES: &[Case<dyn UserStore>] = cases![
    addresses_differ_byte_by_byte,
    an_address_of_100_bytes_with_every_character_is_kept,
    an_address_that_is_used_is_refused_and_nothing_is_changed,
    an_address_update_frees_the_old_one,
    a_users_own_address_counts_as_free,
    an_address_update_may_change_the_letter_case_only,
    an_address_update_to_a_used_one_changes_nothing,
    an_address_update_with_another_counter_changes_nothing,
    the_address_of_a_deleted_user_is_free,
];

async fn addresses_differ_byte_by_byte(users: Arc<dyn UserStore>) -> CaseResult {
    let random = random();
    let addresses = [
        format!("ada{random}@example.com"),
        format!("Ada{random}@example.com"),
        format!("ada{random}@Example.com"),
        format!("ada{random}+tag@example.com"),
        format!("ada.{random}@example.com"),
        format!("ada{random}@example.com "),
        format!(" ada{random}@example.com"),
    ];
    let mut created = Vec::new();
    for address in &addresses {
        created.push(create(&*users, address).await?);
    }
    for user in &created {
        shows(&*users, user).await?;
    }
    let ids: BTreeSet<_> = created.iter().map(|user| &user.id).collect();
    equal(&ids.len(), &addresses.len())
}

async fn an_address_of_100_bytes_with_every_character_is_kept(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let local = format!("{}!#$%&'*+-/=?^_{{|}}~.", random());
    let address = format!("{local}@{:x>1$}", "-9.Com", 99 - local.len());
    equal(&address.len(), &100)?;
    let user = create(&*users, &address).await?;
    equal(&user.email_address, &address)?;
    shows(&*users, &user).await
}

async fn an_address_that_is_used_is_refused_and_nothing_is_changed(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let user = create(&*users, &address()).await?;
    let again = NewUser::new(&user.email_address, password_hash(1));
    let again = users.create_user(again).await?;
    equal(&again, &CreateUserOutcome::EmailAddressAlreadyUsed)?;
    shows(&*users, &user).await
}

/// Updates the address, which must succeed, and returns the expected user.
async fn update(
    users: &dyn UserStore,
    mut user: User,
    address: &str,
) -> Result<User, super::Failure> {
    let counter = user.email_address_counter;
    let update = users.update_user_email_address(&user.id, address, counter);
    equal(&update.await?, &UpdateUserEmailAddressOutcome::Updated)?;
    user.email_address = address.into();
    user.email_address_counter = counter.next().expect("cases count to a hundred");
    shows(users, &user).await?;
    Ok(user)
}

async fn an_address_update_frees_the_old_one(users: Arc<dyn UserStore>) -> CaseResult {
    let old = address();
    let user = create(&*users, &old).await?;
    let user = update(&*users, user, &address()).await?;
    equal(&users.get_user_by_email_address(&old).await?, &None)?;
    let other = create(&*users, &old).await?;
    shows(&*users, &other).await?;
    shows(&*users, &user).await
}

async fn a_users_own_address_counts_as_free(users: Arc<dyn UserStore>) -> CaseResult {
    let address = address();
    let mut user = create(&*users, &address).await?;
    for _ in 0..2 {
        user = update(&*users, user, &address).await?;
    }
    Ok(())
}

async fn an_address_update_may_change_the_letter_case_only(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let address = address();
    let user = create(&*users, &address).await?;
    let upper = address.to_uppercase();
    update(&*users, user, &upper).await?;
    equal(&users.get_user_by_email_address(&address).await?, &None)
}

async fn an_address_update_to_a_used_one_changes_nothing(users: Arc<dyn UserStore>) -> CaseResult {
    let user = create(&*users, &address()).await?;
    let other = create(&*users, &address()).await?;
    let zero = Counter::ZERO;
    let update = users.update_user_email_address(&user.id, &other.email_address, zero);
    let used = UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed;
    equal(&update.await?, &used)?;
    shows(&*users, &user).await?;
    shows(&*users, &other).await
}

async fn an_address_update_with_another_counter_changes_nothing(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let user = create(&*users, &address()).await?;
    let user = update(&*users, user, &address()).await?;
    for other in [Counter::ZERO, Counter::MAX] {
        for address in [&address(), &user.email_address] {
            let update = users.update_user_email_address(&user.id, address, other);
            let nobody = UpdateUserEmailAddressOutcome::UserNotFound;
            equal(&update.await?, &nobody)?;
        }
    }
    shows(&*users, &user).await
}

async fn the_address_of_a_deleted_user_is_free(users: Arc<dyn UserStore>) -> CaseResult {
    let address = address();
    let user = create(&*users, &address).await?;
    let delete = users.delete_user(&user.id).await?;
    equal(&delete, &UpdateUserOutcome::Updated)?;
    let next = create(&*users, &address).await?;
    shows(&*users, &next).await?;
    equal(&users.get_user(&user.id).await?, &None)
}
