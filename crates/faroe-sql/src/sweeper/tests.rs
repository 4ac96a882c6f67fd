use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::time::{advance, sleep};

use super::*;

/// A table in which this many entries have expired, and the number of transactions that removed some.
#[derive(Clone, Debug, Default)]
struct Table {
    expired: Arc<AtomicU64>,
    transactions: Arc<AtomicU64>,
}

impl Table {
    fn sweeper(&self) -> Sweeper {
        let table = self.clone();
        Sweeper::new(move |most| {
            let table = table.clone();
            async move {
                sleep(Duration::from_millis(10)).await;
                table.transactions.fetch_add(1, SeqCst);
                let removed = table.expired.load(SeqCst).min(most.into());
                table.expired.fetch_sub(removed, SeqCst);
                Ok(removed)
            }
        })
    }

    fn expire(&self, entries: u64) {
        self.expired.store(entries, SeqCst);
        self.transactions.store(0, SeqCst);
    }

    fn left(&self) -> (u64, u64) {
        (self.expired.load(SeqCst), self.transactions.load(SeqCst))
    }
}

/// Lets a sweep run to its end on the paused clock.
async fn a_second() {
    sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_sweep_removes_all_expired_entries_in_batches() {
    for (expired, transactions) in [(0, 1), (1, 1), (99, 1), (100, 2), (250, 3)] {
        let table = Table::default();
        table.expire(expired);
        let sweeper = table.sweeper();
        sweeper.wrote();
        a_second().await;
        assert_eq!(table.left(), (0, transactions), "{expired} expired");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_is_started_by_a_write_once_a_minute_at_most() {
    let table = Table::default();
    let sweeper = table.sweeper();
    sweeper.wrote();
    a_second().await;

    table.expire(7);
    advance(Duration::from_secs(58)).await;
    sweeper.wrote();
    a_second().await;
    assert_eq!(table.left(), (7, 0), "a minute has not passed");

    advance(Duration::from_secs(60)).await;
    a_second().await;
    assert_eq!(table.left(), (7, 0), "nothing was written");

    sweeper.wrote();
    a_second().await;
    assert_eq!(table.left(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn one_sweep_runs_at_a_time_and_ends_with_the_sweeper() {
    let table = Table::default();
    table.expire(u64::MAX);
    let sweeper = table.sweeper();
    sweeper.wrote();
    sleep(Duration::from_secs(61)).await;
    let (_, before) = table.left();
    sweeper.wrote();
    a_second().await;
    let (_, after) = table.left();
    assert!(after - before < 150, "a second sweep ran beside the first");

    drop(sweeper);
    let dropped = table.left();
    a_second().await;
    assert_eq!(table.left(), dropped);
}

#[tokio::test(start_paused = true)]
async fn a_failed_sweep_is_tried_again_with_a_write_a_minute_later() {
    let calls = Arc::new(AtomicU64::new(0));
    let sweeper = {
        let calls = Arc::clone(&calls);
        Sweeper::new(move |_| {
            calls.fetch_add(1, SeqCst);
            async { Err(AdapterError::new("remove expired entries", "no connection")) }
        })
    };
    for expected in [1, 2] {
        sweeper.wrote();
        a_second().await;
        assert_eq!(calls.load(SeqCst), expected);
        advance(Duration::from_secs(60)).await;
    }
}
