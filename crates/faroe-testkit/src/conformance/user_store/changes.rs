//! Password hashes, the sessions counter, and deletion.

use std::sync::Arc;

use faroe_core::{
    password::PasswordHash,
    user_store::{Counter, UpdateUserEmailAddressOutcome, UpdateUserOutcome, User, UserStore},
};

use super::{address, create, password_hash, shows};
use crate::conformance::case::{Case, CaseResult, cases, equal, holds};

pub(super) const CASES: &[Case<dyn UserStore>] = cases![
    a_password_hash_update_changes_all_of_it_and_its_counter,
    a_password_hash_update_to_the_same_one_counts_too,
    a_password_hash_update_with_another_counter_changes_nothing,
    an_increment_of_the_sessions_counter_changes_nothing_else,
    an_increment_with_another_counter_changes_nothing,
    a_deleted_user_is_gone_for_every_operation,
    a_delete_touches_nobody_else,
    an_id_is_never_used_again,
];

fn next(counter: Counter) -> Counter {
    counter.next().expect("cases count to a hundred")
}

fn with_password_hash(mut user: User, hash: &PasswordHash) -> User {
    user.password_hash = hash.hash.clone();
    user.password_salt = hash.salt.clone();
    user.password_hash_algorithm_id = hash.algorithm_id.clone();
    user.password_hash_counter = next(user.password_hash_counter);
    user
}

async fn a_password_hash_update_changes_all_of_it_and_its_counter(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let mut user = create(&*users, &address()).await?;
    for variant in 1..=3 {
        let (hash, counter) = (password_hash(variant), user.password_hash_counter);
        let update = users.update_user_password_hash(&user.id, &hash, counter);
        equal(&update.await?, &UpdateUserOutcome::Updated)?;
        user = with_password_hash(user, &hash);
        shows(&*users, &user).await?;
    }
    Ok(())
}

async fn a_password_hash_update_to_the_same_one_counts_too(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let user = create(&*users, &address()).await?;
    let hash = password_hash(0);
    let update = users.update_user_password_hash(&user.id, &hash, Counter::ZERO);
    equal(&update.await?, &UpdateUserOutcome::Updated)?;
    shows(&*users, &with_password_hash(user, &hash)).await
}

async fn a_password_hash_update_with_another_counter_changes_nothing(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let user = create(&*users, &address()).await?;
    let hash = password_hash(1);
    let update = users.update_user_password_hash(&user.id, &hash, Counter::ZERO);
    equal(&update.await?, &UpdateUserOutcome::Updated)?;
    let user = with_password_hash(user, &hash);
    let stale = password_hash(2);
    for other in [Counter::ZERO, next(next(Counter::ZERO)), Counter::MAX] {
        let update = users.update_user_password_hash(&user.id, &stale, other);
        equal(&update.await?, &UpdateUserOutcome::UserNotFound)?;
    }
    shows(&*users, &user).await
}

async fn an_increment_of_the_sessions_counter_changes_nothing_else(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let mut user = create(&*users, &address()).await?;
    let other = create(&*users, &address()).await?;
    for _ in 0..3 {
        let counter = user.sessions_counter;
        let increment = users.increment_user_sessions_counter(&user.id, counter);
        equal(&increment.await?, &UpdateUserOutcome::Updated)?;
        user.sessions_counter = next(counter);
        shows(&*users, &user).await?;
    }
    shows(&*users, &other).await
}

async fn an_increment_with_another_counter_changes_nothing(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let mut user = create(&*users, &address()).await?;
    let increment = users.increment_user_sessions_counter(&user.id, Counter::ZERO);
    equal(&increment.await?, &UpdateUserOutcome::Updated)?;
    user.sessions_counter = next(Counter::ZERO);
    for other in [Counter::ZERO, next(user.sessions_counter), Counter::MAX] {
        let increment = users.increment_user_sessions_counter(&user.id, other);
        equal(&increment.await?, &UpdateUserOutcome::UserNotFound)?;
    }
    shows(&*users, &user).await
}

async fn a_deleted_user_is_gone_for_every_operation(users: Arc<dyn UserStore>) -> CaseResult {
    let user = create(&*users, &address()).await?;
    let (id, zero) = (&user.id, Counter::ZERO);
    let delete = users.delete_user(id).await?;
    equal(&delete, &UpdateUserOutcome::Updated)?;
    let again = users.delete_user(id).await?;
    equal(&again, &UpdateUserOutcome::UserNotFound)?;
    equal(&users.get_user(id).await?, &None)?;
    let found = users.get_user_by_email_address(&user.email_address);
    equal(&found.await?, &None)?;
    let address = address();
    let update = users.update_user_email_address(id, &address, zero);
    equal(&update.await?, &UpdateUserEmailAddressOutcome::UserNotFound)?;
    let hash = password_hash(1);
    let update = users.update_user_password_hash(id, &hash, zero).await?;
    equal(&update, &UpdateUserOutcome::UserNotFound)?;
    let increment = users.increment_user_sessions_counter(id, zero).await?;
    equal(&increment, &UpdateUserOutcome::UserNotFound)
}

async fn a_delete_touches_nobody_else(users: Arc<dyn UserStore>) -> CaseResult {
    let before = create(&*users, &address()).await?;
    let user = create(&*users, &address()).await?;
    let after = create(&*users, &address()).await?;
    let delete = users.delete_user(&user.id).await?;
    equal(&delete, &UpdateUserOutcome::Updated)?;
    shows(&*users, &before).await?;
    shows(&*users, &after).await
}

async fn an_id_is_never_used_again(users: Arc<dyn UserStore>) -> CaseResult {
    let mut used = Vec::new();
    for _ in 0..3 {
        let user = create(&*users, &address()).await?;
        holds(!used.contains(&user.id), || "an ID was used again")?;
        let delete = users.delete_user(&user.id).await?;
        equal(&delete, &UpdateUserOutcome::Updated)?;
        used.push(user.id);
    }
    Ok(())
}
