//! A cache of answers. It contains parts of a public list and the prefixes that were sent to the service.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::range::Range;

/// The maximum number of cached ranges, which take a few megabytes.
const CAPACITY: usize = 32;

/// The lifetime of a cached range: long enough for a user to submit the same password again.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

#[derive(Debug, Default)]
pub(crate) struct RangeCache {
    /// The entries, oldest first.
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    prefix: String,
    range: Arc<Range>,
    expires_at: Instant,
}

impl RangeCache {
    /// Returns the range with this prefix, and removes expired entries.
    pub(crate) fn get(&mut self, prefix: &str, now: Instant) -> Option<Arc<Range>> {
        self.entries.retain(|entry| now < entry.expires_at);
        let found = self.entries.iter().find(|entry| entry.prefix == prefix)?;
        Some(Arc::clone(&found.range))
    }

    /// Inserts a range, replacing the oldest one if the cache is full.
    pub(crate) fn put(&mut self, prefix: &str, range: Arc<Range>, now: Instant) {
        self.entries.retain(|entry| entry.prefix != prefix);
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            prefix: prefix.to_owned(),
            range,
            expires_at: now + LIFETIME,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range() -> Arc<Range> {
        let line = format!("{}:1", "A".repeat(35));
        Arc::new(Range::parse(line.as_bytes()).unwrap())
    }

    #[test]
    fn a_range_is_kept_for_ten_minutes() {
        let (mut cache, now) = (RangeCache::default(), Instant::now());
        cache.put("00000", range(), now);
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(cache.get("00000", later(599)).is_some());
        assert!(cache.get("00001", later(599)).is_none());
        assert!(cache.get("00000", later(600)).is_none());
        assert!(cache.entries.is_empty(), "expired entries are removed");
    }

    #[test]
    fn a_full_cache_drops_its_oldest_range() {
        let (mut cache, now) = (RangeCache::default(), Instant::now());
        let prefix = |number: usize| format!("{number:05}");
        for number in 0..=CAPACITY {
            cache.put(&prefix(number), range(), now);
            cache.put(&prefix(number), range(), now);
        }
        assert_eq!(cache.entries.len(), CAPACITY);
        assert!(cache.get(&prefix(0), now).is_none());
        assert!((1..=CAPACITY).all(|number| cache.get(&prefix(number), now).is_some()));
    }
}
