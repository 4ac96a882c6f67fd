use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{DeleteOutcome, Entry, MainStorage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use faroe_testkit::{conformance, storage::ReferenceStorage};

use crate::{Break, notices, storage::proven_cases};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    KeepsTheCounterOnSet,
    KeepsAnEarlierExpiry,
    FailsWhenSetsRace,
    UpdatesLate,
    DeletesToSet,
}

use Defect::*;

#[test]
fn every_case_of_main_storage_notices_a_defect() {
    let table = [
        (
            KeepsTheCounterOnSet,
            "set_replaces_an_entry_and_moves_its_counter",
        ),
        (
            KeepsAnEarlierExpiry,
            "set_of_an_expired_entry_makes_it_live",
        ),
        (FailsWhenSetsRace, "of_racing_sets_one_is_last"),
        (UpdatesLate, "a_racing_set_is_not_lost_to_an_update"),
        (DeletesToSet, "a_racing_delete_and_set_agree"),
        (
            DeletesToSet,
            "a_reader_never_misses_an_entry_that_is_set_again",
        ),
    ];
    let suite = |defect| conformance::main_storage("broken", async move || Broken::new(defect));
    notices(suite, &table, proven_cases());
}

#[derive(Debug)]
struct Broken {
    inner: ReferenceStorage,
    defect: Option<Defect>,
    breaks: Break,
}

impl Broken {
    fn new(defect: Option<Defect>) -> Self {
        let inner = ReferenceStorage::keeping_expired();
        Self {
            inner,
            defect,
            breaks: Break::default(),
        }
    }
}

type Answer<T> = Result<T, AdapterError>;

#[async_trait]
impl MainStorage for Broken {
    async fn get(&self, key: &str) -> Answer<Option<Entry>> {
        let _call = self.breaks.call();
        self.inner.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Answer<()> {
        let _call = self.breaks.call();
        let found = self.inner.get(key).await?;
        match (self.defect, found) {
            (Some(KeepsTheCounterOnSet), Some(found)) => {
                self.inner.set(key, value, expires_at).await?;
                for updates in 0..found.counter.get() {
                    let counter = Counter::new(updates).unwrap_or_default();
                    let _ = self.inner.update(key, value, expires_at, counter).await?;
                }
                return Ok(());
            }
            (Some(KeepsAnEarlierExpiry), Some(_)) => {
                self.inner
                    .set(key, value, UnixTime::from_milliseconds(1))
                    .await?;
                self.inner.sweep(SystemClock.now());
                return Ok(());
            }
            (Some(FailsWhenSetsRace), None) => {
                self.breaks.take().await;
                if self.inner.get(key).await?.is_some() {
                    return Err(AdapterError::message("insert what is there already"));
                }
            }
            (Some(DeletesToSet), _) => {
                let _ = self.inner.delete(key).await?;
                self.breaks.take().await;
            }
            _ => {}
        }
        self.inner.set(key, value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Answer<UpdateOutcome> {
        let _call = self.breaks.call();
        if self.defect == Some(UpdatesLate) {
            let found = self.inner.get(key).await?;
            if found.is_none_or(|found| found.counter != counter) {
                return Ok(UpdateOutcome::Conflict);
            }
            self.breaks.take().await;
            self.inner.set(key, value, expires_at).await?;
            for counter in (0..=counter.get()).filter_map(Counter::new) {
                let _ = self.inner.update(key, value, expires_at, counter).await?;
            }
            return Ok(UpdateOutcome::Updated);
        }
        self.inner.update(key, value, expires_at, counter).await
    }

    async fn delete(&self, key: &str) -> Answer<DeleteOutcome> {
        let _call = self.breaks.call();
        self.inner.delete(key).await
    }
}
