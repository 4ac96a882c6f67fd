//! Addresses whose letter case makes no difference.

use std::sync::Arc;

use faroe_core::user_store::{
    Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UserStore,
};

use super::{create, password_hash, shows};
use crate::conformance::case::{
    CONTENDERS, Case, CaseResult, Failure, cases, equal, race, random, settled,
};

pub(super) const CASES: &[Case<dyn UserStore>] = cases![
    an_address_is_found_in_any_letter_case_and_kept_as_it_was_given,
    an_address_that_is_used_in_another_case_is_refused_and_nothing_is_changed,
    no_other_difference_is_ignored,
    an_update_to_a_used_address_in_another_case_changes_nothing,
    users_may_change_the_letter_case_of_their_own_address,
    of_racing_creations_with_one_address_in_several_cases_one_wins,
];

/// Returns an address with capital letters that no user has, and two other spellings of it.
fn spellings() -> [String; 3] {
    let address = format!("Ada.K{}@Example.Com", random());
    let (lower, upper) = (address.to_ascii_lowercase(), address.to_ascii_uppercase());
    [address, lower, upper]
}

async fn an_address_is_found_in_any_letter_case_and_kept_as_it_was_given(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let spellings = spellings();
    let user = create(&*users, &spellings[0]).await?;
    equal(&user.email_address, &spellings[0])?;
    for spelling in &spellings {
        let found = users.get_user_by_email_address(spelling).await?;
        equal(&found.as_ref(), &Some(&user))?;
    }
    shows(&*users, &user).await
}

async fn an_address_that_is_used_in_another_case_is_refused_and_nothing_is_changed(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let spellings = spellings();
    let user = create(&*users, &spellings[0]).await?;
    for spelling in &spellings {
        let again = users.create_user(NewUser::new(spelling, password_hash(1)));
        equal(&again.await?, &CreateUserOutcome::EmailAddressAlreadyUsed)?;
    }
    shows(&*users, &user).await
}

async fn no_other_difference_is_ignored(users: Arc<dyn UserStore>) -> CaseResult {
    let [address, lower, upper] = spellings();
    let user = create(&*users, &address).await?;
    let others = [
        // The Kelvin sign, whose lower case is `k` outside of ASCII.
        upper.replacen('K', "\u{212a}", 1),
        lower.replacen('a', "\u{e1}", 1),
        format!("{lower} "),
        format!(" {lower}"),
        lower.replacen('.', "", 1),
        lower.replacen("ada", "_da", 1),
        lower.replacen("ada", "%", 1),
    ];
    for other in others {
        equal(&users.get_user_by_email_address(&other).await?, &None)?;
    }
    shows(&*users, &user).await
}

async fn an_update_to_a_used_address_in_another_case_changes_nothing(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let [address, lower, _] = spellings();
    let (holder, user) = (
        create(&*users, &address).await?,
        create(&*users, &spellings()[0]).await?,
    );
    let update = users.update_user_email_address(&user.id, &lower, Counter::ZERO);
    let used = UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed;
    equal(&update.await?, &used)?;
    shows(&*users, &holder).await?;
    shows(&*users, &user).await
}

async fn users_may_change_the_letter_case_of_their_own_address(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let [address, lower, upper] = spellings();
    let mut user = create(&*users, &address).await?;
    for spelling in [lower, upper, address] {
        let counter = user.email_address_counter;
        let update = users.update_user_email_address(&user.id, &spelling, counter);
        equal(&update.await?, &UpdateUserEmailAddressOutcome::Updated)?;
        user.email_address = spelling;
        user.email_address_counter = counter.next().expect("cases count to a hundred");
        shows(&*users, &user).await?;
    }
    Ok(())
}

async fn of_racing_creations_with_one_address_in_several_cases_one_wins(
    users: Arc<dyn UserStore>,
) -> CaseResult {
    let spellings = spellings();
    let created = race((0..CONTENDERS).map(|contender| {
        let (users, address) = (Arc::clone(&users), spellings[contender % 3].clone());
        async move {
            let new_user = NewUser::new(address, password_hash(0));
            match settled(|| users.create_user(new_user.clone())).await? {
                CreateUserOutcome::Created(user) => Ok(Some(user)),
                CreateUserOutcome::EmailAddressAlreadyUsed => Ok(None),
                other => Err(Failure::new(format!("unexpected outcome {other:?}"))),
            }
        }
    }));
    let winners: Vec<_> = created.await?.into_iter().flatten().collect();
    equal(&winners.len(), &1)?;
    shows(&*users, &winners[0]).await
}
