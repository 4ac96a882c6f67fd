//! The explorer runs every schedule, finds what goes wrong in one of them, and can run that one again.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use faroe_core::{
    storage::{Storage, UpdateOutcome},
    time::UnixTime,
};
use faroe_testkit::{
    explorer::{Actor, Explored, Explorer},
    intercept::Intercepted,
    storage::ReferenceStorage,
};

const NEVER: UnixTime = UnixTime::from_milliseconds(i64::MAX);

type Shared = Arc<Intercepted<ReferenceStorage>>;

/// Adds one to a number, without looking whether someone else has: two calls.
async fn add_carelessly(storage: Shared, key: &'static str) {
    let before = storage.get(key).await.unwrap();
    let after = [before.map_or(0, |entry| entry.value[0]) + 1];
    let _ = storage.delete(key).await.unwrap();
    let _ = storage.add(key, &after, NEVER).await.unwrap();
}

/// Adds one to a number, and starts again when someone else was faster.
async fn add_carefully(storage: Shared, key: &'static str) {
    loop {
        let before = storage.get(key).await.unwrap().unwrap();
        let after = [before.value[0] + 1];
        let updated = storage.update(key, &after, NEVER, before.counter).await;
        if updated.unwrap() == UpdateOutcome::Updated {
            return;
        }
    }
}

/// Runs one action for each key at once, and gives what was seen of the numbers at the end of each schedule.
fn explore<F: Future<Output = ()> + 'static>(
    explorer: &Explorer,
    keys: &[&'static str],
    action: fn(Shared, &'static str) -> F,
) -> (Explored, BTreeSet<Vec<u8>>) {
    let storage = Arc::new(ReferenceStorage::keeping_expired());
    let wrapped = Arc::new(explorer.wrap(Arc::clone(&storage)));
    let start = || {
        storage.clear();
        for key in BTreeSet::from_iter(keys) {
            let _ = explorer
                .block_on(Storage::add(&*storage, key, &[0], NEVER))
                .unwrap();
        }
        let actors = keys
            .iter()
            .map(|key| Box::pin(action(Arc::clone(&wrapped), key)) as Actor<()>);
        actors.collect()
    };
    let seen = RefCell::new(BTreeSet::new());
    let explored = explorer.explore(start, |_| {
        let entries = storage.entries();
        let numbers: Vec<u8> = entries.values().map(|entry| entry.value[0]).collect();
        let sum = numbers
            .iter()
            .map(|number| usize::from(*number))
            .sum::<usize>();
        seen.borrow_mut().insert(numbers);
        (sum == keys.len())
            .then_some(())
            .ok_or_else(|| "an addition is lost".to_owned())
    });
    (explored, seen.into_inner())
}

#[test]
fn every_schedule_is_run_once() {
    let (explored, _) = explore(
        &Explorer::default().without_reduction(),
        &["a", "b"],
        add_carelessly,
    );
    // Three calls each: 6! / (3! · 3!) orders.
    assert_eq!((explored.schedules, explored.capped), (20, false));
    let (explored, _) = explore(&Explorer::default(), &["a", "b"], add_carelessly);
    assert_eq!(explored.schedules, 1, "calls with different keys commute");
    assert_eq!(explored.violations.len(), 0);
}

#[test]
fn a_lost_update_is_found_and_a_careful_one_is_not_lost() {
    for racers in [2, 3] {
        let keys = &["a"; 3][..racers];
        let (explored, _) = explore(&Explorer::default(), keys, add_carelessly);
        assert!(!explored.violations.is_empty());
        assert!(explored.violations.len() < explored.schedules);
        let (explored, _) = explore(&Explorer::default(), keys, add_carefully);
        assert_eq!(explored.violations.len(), 0);
        assert!(explored.schedules > 1);
    }
}

#[test]
fn schedules_that_are_left_out_have_the_same_results() {
    for keys in [&["a", "a"][..], &["a", "b"], &["a", "a", "b"]] {
        for action in [add_carelessly_boxed, add_carefully_boxed] {
            let (reduced, seen) = explore(&Explorer::default(), keys, action);
            let (all, all_seen) = explore(&Explorer::default().without_reduction(), keys, action);
            assert_eq!(seen, all_seen);
            assert!(reduced.schedules < all.schedules);
            assert_eq!(reduced.violations.is_empty(), all.violations.is_empty());
        }
    }
}

fn add_carelessly_boxed(storage: Shared, key: &'static str) -> Actor<()> {
    Box::pin(add_carelessly(storage, key))
}

fn add_carefully_boxed(storage: Shared, key: &'static str) -> Actor<()> {
    Box::pin(add_carefully(storage, key))
}

#[test]
fn a_violation_is_printed_and_can_be_run_again() {
    let (explored, _) = explore(&Explorer::default(), &["a", "a"], add_carelessly);
    let violation = &explored.violations[0];
    let printed = violation.to_string();
    assert!(printed.starts_with("an addition is lost\n"), "{printed}");
    assert!(printed.contains("0: Storage::get a"), "{printed}");

    let explorer = Explorer::default();
    let storage = Arc::new(ReferenceStorage::keeping_expired());
    let _ = explorer
        .block_on(Storage::add(&*storage, "a", &[0], NEVER))
        .unwrap();
    let wrapped = Arc::new(explorer.wrap(Arc::clone(&storage)));
    let actors = (0..2).map(|_| add_carelessly_boxed(Arc::clone(&wrapped), "a"));
    let schedule: Vec<usize> = violation.schedule.iter().map(|(actor, _)| *actor).collect();
    explorer.replay(actors.collect(), &schedule);
    assert_eq!(storage.entries()["a"].value, [1]);
}

#[test]
fn the_limit_is_kept_and_told() {
    let explorer = Explorer::default().without_reduction().with_limit(7);
    let (explored, _) = explore(&explorer, &["a", "b"], add_carelessly);
    assert_eq!((explored.schedules, explored.capped), (7, true));
}

#[test]
fn work_on_a_blocking_thread_is_waited_for() {
    let explorer = Explorer::default();
    let storage = Arc::new(explorer.wrap(Arc::new(ReferenceStorage::keeping_expired())));
    let start = || {
        let actors = (0..2).map(|number: usize| {
            let storage = Arc::clone(&storage);
            Box::pin(async move {
                let hash = tokio::task::spawn_blocking(move || number + 1)
                    .await
                    .unwrap();
                storage.get("key").await.unwrap();
                hash
            }) as Actor<usize>
        });
        actors.collect()
    };
    let explored = explorer.explore(start, |hashes| {
        (hashes == [1, 2])
            .then_some(())
            .ok_or_else(|| format!("{hashes:?}"))
    });
    assert_eq!((explored.schedules, explored.violations.len()), (1, 0));
}

#[test]
fn work_in_the_background_comes_in_every_order_with_later_calls() {
    // Two reads one after the other commute.
    for (explorer, schedules) in [
        (Explorer::default(), 3),
        (Explorer::default().without_reduction(), 4),
    ] {
        let storage = Arc::new(ReferenceStorage::keeping_expired());
        let wrapped = Arc::new(explorer.wrap(Arc::clone(&storage)));
        let start = || {
            storage.clear();
            let added = explorer.block_on(Storage::add(&*storage, "a", &[0], NEVER));
            let _ = added.unwrap();
            let (background, storage) = (explorer.background(), Arc::clone(&wrapped));
            let actor: Actor<Option<u8>> = Box::pin(async move {
                let work = add_carelessly(Arc::clone(&storage), "a");
                background.run(Box::pin(work)).await;
                Some(storage.get("a").await.unwrap()?.value[0])
            });
            vec![actor]
        };
        let seen = RefCell::new(vec![]);
        let explored = explorer.explore(start, |read| {
            seen.borrow_mut().extend(read);
            let is_done = storage.entries()["a"].value == [1];
            is_done
                .then_some(())
                .ok_or_else(|| "the work was not done".to_owned())
        });
        assert_eq!((explored.capped, explored.violations.len()), (false, 0));
        let seen = seen.into_inner();
        let different = BTreeSet::from_iter(seen.iter().copied());
        assert_eq!(different, BTreeSet::from([None, Some(0), Some(1)]));
        assert_eq!(seen.len(), schedules);
    }
    let explorer = Explorer::default();
    let storage = Arc::new(ReferenceStorage::keeping_expired());
    let work = add_carelessly(Arc::new(explorer.wrap(Arc::clone(&storage))), "a");
    explorer.block_on(explorer.background().run(Box::pin(work)));
    let entries = storage.entries();
    assert_eq!(entries["a"].value, [1], "outside it is done at once");
}
