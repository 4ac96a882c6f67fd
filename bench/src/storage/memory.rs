//! A map whose entries expire, behind a trait like the storage's, in place of a driver.

use std::sync::Arc;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use dashmap::DashMap;
use faroe_core::time::{Clock, SystemClock, UnixTime};

use super::worker::{Place, Worker, check};

type Map = DashMap<String, Entry>;

#[derive(Clone)]
pub(super) struct Entry {
    value: Vec<u8>,
    counter: i32,
    expires_at: UnixTime,
}

/// The operations of a storage, called in the same way.
#[async_trait]
trait Bare: Send + Sync {
    async fn get(&self, key: &str) -> Option<(Vec<u8>, i32)>;

    async fn update(&self, key: &str, value: &[u8], counter: i32) -> bool;
}

#[async_trait]
impl Bare for Map {
    async fn get(&self, key: &str) -> Option<(Vec<u8>, i32)> {
        let now = SystemClock.now();
        let entry = self.get(key)?;
        (now < entry.expires_at).then(|| (entry.value.clone(), entry.counter))
    }

    async fn update(&self, key: &str, value: &[u8], counter: i32) -> bool {
        let now = SystemClock.now();
        let Some(mut entry) = self.get_mut(key) else {
            return false;
        };
        if entry.counter != counter || now >= entry.expires_at {
            return false;
        }
        entry.value = value.to_vec();
        entry.counter += 1;
        true
    }
}

pub(super) struct Driver {
    map: Arc<dyn Bare>,
    place: Place,
}

impl Driver {
    pub(super) fn new(map: &Arc<Map>, place: Place) -> Self {
        let entry = Entry {
            value: place.value.clone(),
            counter: place.counter,
            expires_at: place.expires_at,
        };
        map.insert(place.key.clone(), entry);
        let map: Arc<dyn Bare> = Arc::<Map>::clone(map);
        Self { map, place }
    }
}

impl Worker for Driver {
    async fn get(&mut self) -> Result<()> {
        check(self.map.get(&self.place.key).await, &self.place)
    }

    async fn update(&mut self) -> Result<()> {
        let place = &mut self.place;
        let updated = self
            .map
            .update(&place.key, &place.value, place.counter)
            .await;
        ensure!(updated, "update failed: the counter differs");
        place.counter += 1;
        Ok(())
    }
}
