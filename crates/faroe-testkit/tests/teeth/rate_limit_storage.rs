use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, RateLimitEntry, RateLimitStorage, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};
use faroe_testkit::{conformance, storage::ReferenceStorage};

use crate::{Break, notices, storage::proven_cases};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    ForgetsTheEntryId,
    ReplacesTheEntryIdOnAdd,
    UpdatesAnyEntryId,
    DeletesAnyEntryId,
    DeletesAnyCounter,
    FoldsEntryIds,
    CutsEntryIds,
    ChecksThenAdds,
    ChecksThenDeletes,
}

use Defect::*;

#[test]
fn every_case_of_rate_limit_storage_notices_a_defect() {
    let table = [
        (ForgetsTheEntryId, "an_entry_keeps_its_id_over_updates"),
        (
            ReplacesTheEntryIdOnAdd,
            "add_does_not_touch_an_entry_that_exists",
        ),
        (
            UpdatesAnyEntryId,
            "update_with_another_entry_id_changes_nothing",
        ),
        (
            UpdatesAnyEntryId,
            "an_entry_added_again_is_not_mistaken_for_the_old_one",
        ),
        (
            DeletesAnyEntryId,
            "delete_with_another_entry_id_changes_nothing",
        ),
        (
            DeletesAnyEntryId,
            "an_entry_added_again_is_not_mistaken_for_the_old_one",
        ),
        (
            DeletesAnyEntryId,
            "of_a_racing_delete_and_add_the_new_entry_stays",
        ),
        (
            DeletesAnyCounter,
            "delete_with_a_stale_counter_changes_nothing",
        ),
        (FoldsEntryIds, "entry_ids_differ_byte_by_byte"),
        (CutsEntryIds, "an_entry_id_may_have_64_bytes"),
        (ChecksThenAdds, "of_racing_adds_one_wins"),
        (ChecksThenDeletes, "of_a_racing_update_and_delete_one_wins"),
    ];
    let suite =
        |defect| conformance::rate_limit_storage("broken", async move || Broken::new(defect));
    notices(suite, &table, proven_cases());
}

#[derive(Debug)]
struct Broken {
    inner: ReferenceStorage,
    defect: Option<Defect>,
    breaks: Break,
}

type Answer<T> = Result<T, AdapterError>;

impl Broken {
    fn new(defect: Option<Defect>) -> Self {
        let inner = ReferenceStorage::keeping_expired();
        Self {
            inner,
            defect,
            breaks: Break::default(),
        }
    }

    fn entry_id(&self, entry_id: &str) -> String {
        match self.defect {
            Some(FoldsEntryIds) => entry_id.to_lowercase(),
            Some(CutsEntryIds) => entry_id.chars().take(32).collect(),
            _ => entry_id.to_owned(),
        }
    }

    async fn replace(&self, key: &str, value: &[u8], id: &str, end: UnixTime) -> Answer<()> {
        if let Some(found) = self.inner.get(key).await? {
            let delete = self.inner.delete(key, &found.entry_id, found.counter);
            let _ = delete.await?;
        }
        let _ = self.inner.add(key, value, id, end).await?;
        Ok(())
    }
}

#[async_trait]
impl RateLimitStorage for Broken {
    async fn get(&self, key: &str) -> Answer<Option<RateLimitEntry>> {
        let _call = self.breaks.call();
        let mut found = self.inner.get(key).await?;
        if self.defect == Some(ForgetsTheEntryId)
            && let Some(entry) = &mut found
        {
            entry.entry_id.clear();
        }
        Ok(found)
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Answer<AddOutcome> {
        let _call = self.breaks.call();
        let entry_id = self.entry_id(entry_id);
        let found = self.inner.get(key).await?;
        match (self.defect, found) {
            (Some(ReplacesTheEntryIdOnAdd), Some(found)) => {
                self.replace(key, &found.value, &entry_id, expires_at)
                    .await?;
                Ok(AddOutcome::AlreadyExists)
            }
            (Some(ChecksThenAdds), None) => {
                self.breaks.take().await;
                self.replace(key, value, &entry_id, expires_at).await?;
                Ok(AddOutcome::Added)
            }
            _ => self.inner.add(key, value, &entry_id, expires_at).await,
        }
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Answer<UpdateOutcome> {
        let _call = self.breaks.call();
        let mut entry_id = self.entry_id(entry_id);
        if self.defect == Some(UpdatesAnyEntryId)
            && let Some(found) = self.inner.get(key).await?
        {
            entry_id = found.entry_id;
        }
        let update = self
            .inner
            .update(key, value, expires_at, &entry_id, counter);
        update.await
    }

    async fn delete(&self, key: &str, entry_id: &str, counter: Counter) -> Answer<DeleteOutcome> {
        let _call = self.breaks.call();
        let entry_id = self.entry_id(entry_id);
        let Some(found) = self.inner.get(key).await? else {
            return Ok(DeleteOutcome::NotFound);
        };
        match self.defect {
            Some(DeletesAnyEntryId) if found.counter == counter => {
                self.inner.delete(key, &found.entry_id, counter).await
            }
            Some(DeletesAnyCounter) => self.inner.delete(key, &entry_id, found.counter).await,
            Some(ChecksThenDeletes) if found.counter == counter => {
                self.breaks.take().await;
                if let Some(found) = self.inner.get(key).await? {
                    return self.inner.delete(key, &entry_id, found.counter).await;
                }
                Ok(DeleteOutcome::NotFound)
            }
            _ => self.inner.delete(key, &entry_id, counter).await,
        }
    }
}
