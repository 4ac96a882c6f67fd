//! Random concurrent calls on one key. Some order of the calls must explain all answers, and a call that ended before
//! another one began comes first in it.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use faroe_core::{
    storage::{AddOutcome, DeleteOutcome, Storage, UpdateOutcome},
    user_store::Counter,
};

use super::case::{
    Case, CaseResult, Failure, cases, holds, later, race, random, random_number, settled,
};
use crate::promise;

pub(super) const CASES: &[Case<dyn Storage>] = cases![p33_every_history_has_an_order,];

const HISTORIES: usize = 60;

/// Together few enough for a set of bits.
const CALLERS: usize = 4;
const CALLS: usize = 6;

/// A value and its counter, or nothing.
type State = Option<(Vec<u8>, i32)>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Call {
    Get(State),
    Add(Vec<u8>, AddOutcome),
    Update(Vec<u8>, i32, UpdateOutcome),
    Delete(DeleteOutcome),
}

impl Call {
    /// Returns the state after the call, if its answer fits the state before.
    fn after(&self, state: &State) -> Option<State> {
        let (answers_so, after) = match (self, state) {
            (Self::Get(found), state) => (found == state, state.clone()),
            (Self::Add(value, outcome), None) => {
                (*outcome == AddOutcome::Added, Some((value.clone(), 0)))
            }
            (Self::Add(_, outcome), state) => {
                (*outcome == AddOutcome::AlreadyExists, state.clone())
            }
            (Self::Update(value, counter, outcome), Some((_, current))) if counter == current => {
                let after = Some((value.clone(), counter + 1));
                (*outcome == UpdateOutcome::Updated, after)
            }
            (Self::Update(_, _, outcome), state) => {
                (*outcome == UpdateOutcome::Conflict, state.clone())
            }
            (Self::Delete(outcome), None) => (*outcome == DeleteOutcome::NotFound, None),
            (Self::Delete(outcome), Some(_)) => (*outcome == DeleteOutcome::Deleted, None),
        };
        answers_so.then_some(after)
    }
}

/// A call, when it began and when it had ended, by a clock that all callers share.
#[derive(Clone, Debug)]
struct Event {
    began: u64,
    ended: u64,
    call: Call,
}

async fn p33_every_history_has_an_order(storage: Arc<dyn Storage>) -> CaseResult {
    for _ in 0..HISTORIES {
        let key: Arc<str> = random().into();
        let clock = Arc::new(AtomicU64::new(0));
        let callers = race((0..CALLERS).map(|_| {
            let (storage, key, clock) = (Arc::clone(&storage), key.clone(), Arc::clone(&clock));
            async move { make_calls(&*storage, &key, &clock).await }
        }));
        let history: Vec<Event> = callers.await?.into_iter().flatten().collect();
        holds(has_order(&history), || {
            format!("no order explains {history:?}")
        })?;
    }
    promise::report(
        "P33",
        format!("each of {HISTORIES} histories of {CALLERS} callers on each storage has an order"),
    );
    Ok(())
}

async fn make_calls(
    storage: &dyn Storage,
    key: &str,
    clock: &AtomicU64,
) -> Result<Vec<Event>, Failure> {
    let (mut events, mut seen) = (Vec::new(), Counter::ZERO);
    for _ in 0..CALLS {
        let value = random_number().to_be_bytes().to_vec();
        let began = clock.fetch_add(1, Ordering::SeqCst);
        let call = match random_number() % 6 {
            0 => {
                let found = settled(|| storage.get(key)).await?;
                seen = found.as_ref().map_or(Counter::ZERO, |entry| entry.counter);
                Call::Get(found.map(|entry| (entry.value, entry.counter.get())))
            }
            1 => {
                let outcome = settled(|| storage.add(key, &value, later())).await?;
                Call::Add(value, outcome)
            }
            2 => Call::Delete(settled(|| storage.delete(key)).await?),
            _ => {
                let counter = seen;
                let update = || storage.update(key, &value, later(), counter);
                let outcome = settled(update).await?;
                if outcome == UpdateOutcome::Updated {
                    seen = counter.next().unwrap_or(Counter::ZERO);
                }
                Call::Update(value, counter.get(), outcome)
            }
        };
        let ended = clock.fetch_add(1, Ordering::SeqCst);
        events.push(Event { began, ended, call });
    }
    Ok(events)
}

/// Searches all orders, from the empty entry on.
fn has_order(history: &[Event]) -> bool {
    let mut open: Vec<(u32, State)> = vec![(0, None)];
    let mut known = HashSet::new();
    while let Some((done, state)) = open.pop() {
        let left = || (0..history.len()).filter(|index| done & (1 << index) == 0);
        let Some(first_end) = left().map(|index| history[index].ended).min() else {
            return true;
        };
        for index in left().filter(|index| history[*index].began < first_end) {
            if let Some(after) = history[index].call.after(&state) {
                let next = (done | 1 << index, after);
                if known.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(began: u64, ended: u64, call: Call) -> Event {
        Event { began, ended, call }
    }

    fn add(value: &str) -> Call {
        Call::Add(value.into(), AddOutcome::Added)
    }

    fn get(value: &str, counter: i32) -> Call {
        Call::Get(Some((value.into(), counter)))
    }

    #[test]
    fn calls_at_once_may_have_either_order() {
        assert!(has_order(&[
            event(0, 3, add("a")),
            event(1, 2, Call::Get(None))
        ]));
        assert!(has_order(&[
            event(0, 3, add("a")),
            event(1, 2, get("a", 0))
        ]));
    }

    #[test]
    fn a_read_that_misses_an_acknowledged_add_has_no_place() {
        assert!(!has_order(&[
            event(0, 1, add("a")),
            event(2, 3, Call::Get(None))
        ]));
    }

    #[test]
    fn two_winners_have_no_order() {
        let update = |value: &str| Call::Update(value.into(), 0, UpdateOutcome::Updated);
        let history = [
            event(0, 1, add("a")),
            event(2, 5, update("b")),
            event(3, 4, update("c")),
        ];
        assert!(!has_order(&history));
    }

    #[test]
    fn two_reads_do_not_go_back_in_time() {
        let update = Call::Update("b".into(), 0, UpdateOutcome::Updated);
        let history = [
            event(0, 1, add("a")),
            event(2, 7, update),
            event(3, 4, get("b", 1)),
            event(5, 6, get("a", 0)),
        ];
        assert!(!has_order(&history));
    }
}
