//! The suite of [`Cache`]. A cache may forget, so `None` is always allowed. A wrong value never is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use faroe_core::storage::Cache;

use super::{
    Suite,
    case::{CONTENDERS, Case, CaseResult, cases, equal, holds, race, random},
};

/// Creates the suite of [`Cache`]. A cache that remembers nothing passes, because the contract allows it. Test separately
/// that yours remembers values.
pub fn cache<C: Cache>(
    name: impl Into<String>,
    open: impl AsyncFn() -> C + Send + Sync + 'static,
) -> Suite {
    Suite::new(name).with_cases(CASES, &Arc::new(open), |cache| Arc::new(cache))
}

const CASES: &[Case<dyn Cache>] = cases![
    get_of_an_unknown_key_is_none,
    a_value_comes_back_as_it_was_set,
    set_replaces_the_value,
    delete_is_seen_at_once,
    delete_of_an_unknown_key_is_no_error,
    keys_differ_byte_by_byte,
    a_value_is_forgotten_when_its_time_to_live_has_passed,
    a_shorter_time_to_live_replaces_a_longer_one,
    a_time_to_live_of_zero_remembers_nothing,
    a_time_to_live_without_end_is_accepted,
    of_racing_sets_one_is_last,
];

const LONG: Duration = Duration::from_secs(3600);

const SHORT: Duration = Duration::from_millis(25);

/// Fails unless the cache returns the value or nothing.
#[track_caller]
fn is_or_forgotten(found: Option<&[u8]>, expected: &[u8]) -> CaseResult {
    match found {
        None => Ok(()),
        found => equal(&found, &Some(expected)),
    }
}

async fn get_of_an_unknown_key_is_none(cache: Arc<dyn Cache>) -> CaseResult {
    equal(&cache.get(&random()).await?, &None)
}

async fn a_value_comes_back_as_it_was_set(cache: Arc<dyn Cache>) -> CaseResult {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for value in [every_byte.repeat(256), every_byte, vec![0], vec![]] {
        let key = random();
        cache.set(&key, &value, LONG).await?;
        is_or_forgotten(cache.get(&key).await?.as_deref(), &value)?;
    }
    Ok(())
}

async fn set_replaces_the_value(cache: Arc<dyn Cache>) -> CaseResult {
    let key = random();
    for value in [&b"first"[..], b"second", b""] {
        cache.set(&key, value, LONG).await?;
        is_or_forgotten(cache.get(&key).await?.as_deref(), value)?;
    }
    Ok(())
}

async fn delete_is_seen_at_once(cache: Arc<dyn Cache>) -> CaseResult {
    let (key, other) = (random(), random());
    for _ in 0..2 {
        cache.set(&key, b"value", LONG).await?;
        cache.set(&other, b"other", LONG).await?;
        cache.delete(&key).await?;
        equal(&cache.get(&key).await?, &None)?;
        is_or_forgotten(cache.get(&other).await?.as_deref(), b"other")?;
    }
    Ok(())
}

async fn delete_of_an_unknown_key_is_no_error(cache: Arc<dyn Cache>) -> CaseResult {
    Ok(cache.delete(&random()).await?)
}

async fn keys_differ_byte_by_byte(cache: Arc<dyn Cache>) -> CaseResult {
    let random = random();
    let mut keys: Vec<String> = (' '..='~').map(|end| format!("{random}{end}")).collect();
    keys.push(random.clone());
    keys.push(format!(" {random}"));
    keys.push(format!("{random:.<254}a"));
    keys.push(format!("{random:.<254}b"));
    for key in &keys {
        cache.set(key, key.as_bytes(), LONG).await?;
    }
    for key in &keys {
        is_or_forgotten(cache.get(key).await?.as_deref(), key.as_bytes())?;
    }
    Ok(())
}

async fn a_value_is_forgotten_when_its_time_to_live_has_passed(
    cache: Arc<dyn Cache>,
) -> CaseResult {
    let key = random();
    cache.set(&key, b"value", SHORT).await?;
    is_forgotten_by(&*cache, &key, Instant::now() + SHORT).await
}

async fn a_shorter_time_to_live_replaces_a_longer_one(cache: Arc<dyn Cache>) -> CaseResult {
    let key = random();
    cache.set(&key, b"value", LONG).await?;
    cache.set(&key, b"value", SHORT).await?;
    is_forgotten_by(&*cache, &key, Instant::now() + SHORT).await
}

/// Reads until the value has expired. A read that begins after the deadline must not return it, and later reads neither.
async fn is_forgotten_by(cache: &dyn Cache, key: &str, deadline: Instant) -> CaseResult {
    loop {
        let begun = Instant::now();
        if cache.get(key).await?.is_none() {
            return equal(&cache.get(key).await?, &None);
        }
        holds(begun <= deadline, || "a value outlived its time to live")?;
        tokio::task::yield_now().await;
    }
}

async fn a_time_to_live_of_zero_remembers_nothing(cache: Arc<dyn Cache>) -> CaseResult {
    let key = random();
    cache.set(&key, b"first", LONG).await?;
    cache.set(&key, b"second", Duration::ZERO).await?;
    equal(&cache.get(&key).await?, &None)?;
    let key = random();
    cache.set(&key, b"value", Duration::ZERO).await?;
    equal(&cache.get(&key).await?, &None)
}

async fn a_time_to_live_without_end_is_accepted(cache: Arc<dyn Cache>) -> CaseResult {
    let key = random();
    cache.set(&key, b"value", Duration::MAX).await?;
    is_or_forgotten(cache.get(&key).await?.as_deref(), b"value")
}

async fn of_racing_sets_one_is_last(cache: Arc<dyn Cache>) -> CaseResult {
    let key = random();
    let values = race((0..CONTENDERS).map(|contender| {
        let (cache, key) = (Arc::clone(&cache), key.clone());
        async move {
            let value = contender.to_string().into_bytes();
            cache.set(&key, &value, LONG).await?;
            Ok(value)
        }
    }));
    let values = values.await?;
    let left = cache.get(&key).await?;
    let expected = left.as_ref().is_none_or(|left| values.contains(left));
    holds(expected, || format!("found {left:?}"))
}
