use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::Cache,
    time::{Clock, SystemClock, UnixTime},
};
use faroe_testkit::conformance;

use crate::notices;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    InventsValues,
    CutsAtNul,
    KeepsTheFirstValue,
    DoesNotDelete,
    FailsToDeleteTheUnknown,
    FoldsKeys,
    NeverForgets,
    KeepsTheLongerTime,
    TakesZeroForEver,
    OverflowsOnLongTimes,
    MixesValues,
}

use Defect::*;

#[test]
fn every_case_of_cache_notices_a_defect() {
    let table = [
        (InventsValues, "get_of_an_unknown_key_is_none"),
        (CutsAtNul, "a_value_comes_back_as_it_was_set"),
        (KeepsTheFirstValue, "set_replaces_the_value"),
        (DoesNotDelete, "delete_is_seen_at_once"),
        (
            FailsToDeleteTheUnknown,
            "delete_of_an_unknown_key_is_no_error",
        ),
        (FoldsKeys, "keys_differ_byte_by_byte"),
        (
            NeverForgets,
            "a_value_is_forgotten_when_its_time_to_live_has_passed",
        ),
        (
            KeepsTheLongerTime,
            "a_shorter_time_to_live_replaces_a_longer_one",
        ),
        (TakesZeroForEver, "a_time_to_live_of_zero_remembers_nothing"),
        (
            OverflowsOnLongTimes,
            "a_time_to_live_without_end_is_accepted",
        ),
        (MixesValues, "of_racing_sets_one_is_last"),
    ];
    let suite = |defect| conformance::cache("broken", async move || Broken::new(defect));
    notices(suite, &table, []);
}

#[derive(Debug)]
struct Broken {
    values: Mutex<BTreeMap<String, (Vec<u8>, UnixTime)>>,
    defect: Option<Defect>,
}

impl Broken {
    fn new(defect: Option<Defect>) -> Self {
        let values = Mutex::default();
        Self { values, defect }
    }

    fn key(&self, key: &str) -> String {
        match self.defect {
            Some(FoldsKeys) => key.to_lowercase(),
            _ => key.to_owned(),
        }
    }
}

#[async_trait]
impl Cache for Broken {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        let values = self.values.lock().expect("no test panics here");
        let now = SystemClock.now();
        match values.get(&self.key(key)) {
            None if self.defect == Some(InventsValues) => Ok(Some(vec![])),
            Some((value, end)) if now < *end || self.defect == Some(NeverForgets) => {
                Ok(Some(value.clone()))
            }
            _ => Ok(None),
        }
    }

    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError> {
        let mut values = self.values.lock().expect("no test panics here");
        let (key, mut value) = (self.key(key), value.to_vec());
        let mut end = SystemClock.now().saturating_add(time_to_live);
        match (self.defect, values.get(&key)) {
            (Some(CutsAtNul), _) => {
                value = value
                    .split(|byte| *byte == 0)
                    .next()
                    .unwrap_or_default()
                    .to_vec()
            }
            (Some(KeepsTheFirstValue), Some(_)) => return Ok(()),
            (Some(KeepsTheLongerTime), Some((_, longer))) => end = end.max(*longer),
            (Some(TakesZeroForEver), _) if time_to_live.is_zero() => {
                end = UnixTime::from_milliseconds(i64::MAX);
            }
            (Some(OverflowsOnLongTimes), _) if time_to_live.as_secs() > 1 << 32 => {
                return Err(AdapterError::message("set a time to live"));
            }
            (Some(MixesValues), Some((old, _))) => value.extend(old),
            _ => {}
        }
        values.insert(key, (value, end));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), AdapterError> {
        let mut values = self.values.lock().expect("no test panics here");
        if self.defect == Some(DoesNotDelete) {
            return Ok(());
        }
        let removed = values.remove(&self.key(key));
        if removed.is_none() && self.defect == Some(FailsToDeleteTheUnknown) {
            return Err(AdapterError::message("delete what is not there"));
        }
        Ok(())
    }
}
