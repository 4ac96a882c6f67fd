//! Concurrent callers. Their outcomes are counted exactly.

use std::sync::Arc;

use faroe_core::user_store::{
    Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
    UserStore,
};

use super::{address, create, in_parts, password_hash};
use crate::conformance::case::{
    CONTENDERS, Case, CaseResult, Failure, ROUNDS, cases, count, equal, race, settled,
};

pub(super) const CASES: &[Case<dyn UserStore>] = cases![
    of_racing_creations_with_one_address_one_wins,
    of_racing_updates_to_one_address_one_wins,
    of_racing_password_hash_updates_one_wins,
    of_racing_deletes_one_wins,
    of_racing_increments_with_one_counter_one_wins,
    no_increment_is_lost,
    an_increment_does_not_bring_a_deleted_user_back,
];

async fn of_racing_creations_with_one_address_one_wins(users: Arc<dyn UserStore>) -> CaseResult {
    let address = address();
    let created = race((0..CONTENDERS).map(|_| {
        let (users, address) = (Arc::clone(&users), address.clone());
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
    super::shows(&*users, &winners[0]).await
}

async fn of_racing_updates_to_one_address_one_wins(users: Arc<dyn UserStore>) -> CaseResult {
    let wanted = address();
    let mut contenders = Vec::new();
    for _ in 0..CONTENDERS {
        contenders.push(create(&*users, &address()).await?);
    }
    let outcomes = race(contenders.into_iter().map(|user| {
        let (users, wanted) = (Arc::clone(&users), wanted.clone());
        async move {
            let zero = Counter::ZERO;
            let update = || users.update_user_email_address(&user.id, &wanted, zero);
            let outcome = settled(update).await?;
            Ok((user.id, outcome))
        }
    }));
    let outcomes = outcomes.await?;
    let won = UpdateUserEmailAddressOutcome::Updated;
    let lost = UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed;
    let (winners, losers): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|(_, outcome)| *outcome == won);
    equal(&winners.len(), &1)?;
    equal(&losers.iter().all(|(_, outcome)| *outcome == lost), &true)?;
    let holder = users.get_user_by_email_address(&wanted).await?;
    equal(&holder.map(|user| user.id).as_ref(), &Some(&winners[0].0))
}

async fn of_racing_password_hash_updates_one_wins(users: Arc<dyn UserStore>) -> CaseResult {
    let id = create(&*users, &address()).await?.id;
    let outcomes = race((1..=16).map(|variant| {
        let (users, id) = (Arc::clone(&users), id.clone());
        async move {
            let hash = password_hash(variant);
            let update = || users.update_user_password_hash(&id, &hash, Counter::ZERO);
            let outcome = settled(update).await?;
            Ok((outcome == UpdateUserOutcome::Updated).then_some(hash.algorithm_id))
        }
    }));
    let winners: Vec<String> = outcomes.await?.into_iter().flatten().collect();
    equal(&winners.len(), &1)?;
    let user = users.get_user(&id).await?;
    let left = user.map(in_parts);
    let left = left.map(|user| (user.password_hash_algorithm_id, user.password_hash_counter));
    equal(&left, &Some((winners[0].clone(), one())))
}

fn one() -> Counter {
    Counter::new(1).expect("one is not negative")
}

async fn of_racing_deletes_one_wins(users: Arc<dyn UserStore>) -> CaseResult {
    let id = create(&*users, &address()).await?.id;
    let outcomes = race((0..CONTENDERS).map(|_| {
        let (users, id) = (Arc::clone(&users), id.clone());
        async move { settled(|| users.delete_user(&id)).await }
    }));
    equal(&count(&outcomes.await?, &UpdateUserOutcome::Updated), &1)?;
    equal(&users.get_user(&id).await?, &None)
}

async fn of_racing_increments_with_one_counter_one_wins(users: Arc<dyn UserStore>) -> CaseResult {
    let id = create(&*users, &address()).await?.id;
    let outcomes = race((0..CONTENDERS).map(|_| {
        let (users, id) = (Arc::clone(&users), id.clone());
        async move {
            let zero = Counter::ZERO;
            settled(|| users.increment_user_sessions_counter(&id, zero)).await
        }
    }));
    equal(&count(&outcomes.await?, &UpdateUserOutcome::Updated), &1)?;
    let user = users.get_user(&id).await?;
    equal(&user.map(|user| user.sessions_counter), &Some(one()))
}

async fn no_increment_is_lost(users: Arc<dyn UserStore>) -> CaseResult {
    let id = create(&*users, &address()).await?.id;
    let increments = race((0..CONTENDERS).map(|_| {
        let (users, id) = (Arc::clone(&users), id.clone());
        async move {
            // An attempt only fails because another one has succeeded in the meantime.
            for _ in 0..CONTENDERS {
                let Some(user) = settled(|| users.get_user(&id)).await? else {
                    return Err(Failure::new("a user was lost"));
                };
                let counter = user.sessions_counter;
                let increment = || users.increment_user_sessions_counter(&id, counter);
                if settled(increment).await? == UpdateUserOutcome::Updated {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
            Err(Failure::new("increments conflicted though nobody had won"))
        }
    }));
    increments.await?;
    let user = users.get_user(&id).await?;
    let sum = user.map(|user| usize::try_from(user.sessions_counter.get()));
    equal(&sum, &Some(Ok(CONTENDERS)))
}

async fn an_increment_does_not_bring_a_deleted_user_back(users: Arc<dyn UserStore>) -> CaseResult {
    for _ in 0..ROUNDS {
        let id = create(&*users, &address()).await?.id;
        let callers = race([true, false].map(|increment| {
            let (users, id) = (Arc::clone(&users), id.clone());
            async move {
                if increment {
                    let zero = Counter::ZERO;
                    let increment = || users.increment_user_sessions_counter(&id, zero);
                    let _ = settled(increment).await?;
                    return Ok(true);
                }
                Ok(settled(|| users.delete_user(&id)).await? == UpdateUserOutcome::Updated)
            }
        }));
        equal(&callers.await?, &vec![true, true])?;
        equal(&users.get_user(&id).await?, &None)?;
    }
    Ok(())
}
