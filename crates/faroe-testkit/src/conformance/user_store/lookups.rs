//! Look-ups that find a user, and that find none.

use std::sync::Arc;

use faroe_core::user_store::{
    Counter, UpdateUserEmailAddressOutcome, UpdateUserOutcome, UserStore,
};

use super::{address, create, in_parts, odd_ids, password_hash, shows};
use crate::conformance::case::{Case, CaseResult, cases, equal};

pub(super) const CASES: &[Case<dyn UserStore>] = cases![
    a_new_user_is_as_it_was_created,
    a_new_user_is_found_by_id_and_by_address,
    an_odd_id_is_nobody,
    a_change_of_an_odd_id_finds_nobody,
    an_odd_address_is_nobody,
];

async fn a_new_user_is_as_it_was_created(users: Arc<dyn UserStore>) -> CaseResult {
    let address = address();
    let user = in_parts(create(&*users, &address).await?);
    equal(&user.email_address, &address)?;
    let hash = password_hash(0);
    equal(&user.password_hash.to_vec(), &hash.hash.to_vec())?;
    equal(&user.password_salt.to_vec(), &hash.salt.to_vec())?;
    equal(&user.password_hash_algorithm_id, &hash.algorithm_id)?;
    equal(&user.disabled, &false)?;
    let counters = [
        user.email_address_counter,
        user.password_hash_counter,
        user.disabled_counter,
        user.sessions_counter,
    ];
    equal(&counters, &[Counter::ZERO; 4])
}

async fn a_new_user_is_found_by_id_and_by_address(users: Arc<dyn UserStore>) -> CaseResult {
    let first = create(&*users, &address()).await?;
    let second = create(&*users, &address()).await?;
    shows(&*users, &first).await?;
    shows(&*users, &second).await
}

async fn an_odd_id_is_nobody(users: Arc<dyn UserStore>) -> CaseResult {
    let user = create(&*users, &address()).await?;
    for odd in odd_ids(&user.id) {
        equal(&users.get_user(&odd).await?, &None)?;
    }
    Ok(())
}

async fn a_change_of_an_odd_id_finds_nobody(users: Arc<dyn UserStore>) -> CaseResult {
    let user = create(&*users, &address()).await?;
    for odd in odd_ids(&user.id) {
        let zero = Counter::ZERO;
        let address = address();
        let update = users.update_user_email_address(&odd, &address, zero);
        equal(&update.await?, &UpdateUserEmailAddressOutcome::UserNotFound)?;
        let hash = password_hash(1);
        let update = users.update_user_password_hash(&odd, &hash, zero);
        equal(&update.await?, &UpdateUserOutcome::UserNotFound)?;
        let increment = users.increment_user_sessions_counter(&odd, zero).await?;
        equal(&increment, &UpdateUserOutcome::UserNotFound)?;
        let delete = users.delete_user(&odd).await?;
        equal(&delete, &UpdateUserOutcome::UserNotFound)?;
    }
    shows(&*users, &user).await
}

async fn an_odd_address_is_nobody(users: Arc<dyn UserStore>) -> CaseResult {
    let user = create(&*users, &address()).await?;
    let address = &user.email_address;
    let odd = [
        String::new(),
        format!("{address}\0"),
        format!("\0{address}"),
        format!("{address} "),
        format!(" {address}"),
        address.to_uppercase(),
        address.replacen('@', "%", 1),
        address.replacen("example", "_xample", 1),
        "%".into(),
        "x".repeat(10_000),
        format!("{address}' OR '1'='1"),
    ];
    for odd in odd {
        equal(&users.get_user_by_email_address(&odd).await?, &None)?;
    }
    Ok(())
}
