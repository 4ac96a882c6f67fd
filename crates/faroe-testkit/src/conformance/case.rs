//! Cases, and helpers to write them.

use std::{
    any::Any,
    fmt::{self, Debug},
    hash::{BuildHasher, Hasher, RandomState},
    panic::Location,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use faroe_core::{
    error::{AdapterError, ErrorChain},
    time::{Clock, SystemClock, UnixTime},
};
use tokio::{sync::Barrier, task::JoinSet};

/// A case's name and function.
pub(super) type Case<T> = (&'static str, fn(Arc<T>) -> CaseFuture);

pub(super) type CaseFuture = Pin<Box<dyn Future<Output = CaseResult> + Send>>;

pub(super) type CaseResult = Result<(), Failure>;

/// Makes the table of a suite out of its functions: the one place where a case has to be listed.
macro_rules! cases {
    ($($case:ident,)*) => {
        &[$((stringify!($case), |subject| Box::pin($case(subject)))),*]
    };
}
pub(super) use cases;

/// The reason for a failed case.
pub(super) struct Failure(String);

impl Failure {
    #[track_caller]
    pub(super) fn new(message: impl fmt::Display) -> Self {
        Self(format!("{}: {message}", Location::caller()))
    }

    pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        Self(format!("panicked: {}", message.unwrap_or("without a word")))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<AdapterError> for Failure {
    #[track_caller]
    fn from(error: AdapterError) -> Self {
        Self::new(ErrorChain(&error))
    }
}

/// Fails unless what was found is what the contract says.
#[track_caller]
pub(super) fn equal<T: PartialEq + Debug>(found: &T, expected: &T) -> CaseResult {
    holds(found == expected, || {
        format!("found {}, expected {}", short(found), short(expected))
    })
}

/// Fails unless the condition holds.
#[track_caller]
pub(super) fn holds<M: fmt::Display>(condition: bool, message: impl FnOnce() -> M) -> CaseResult {
    if condition {
        Ok(())
    } else {
        Err(Failure::new(message()))
    }
}

/// The `Debug` form, cut where 64 KiB of bytes would fill the screen.
fn short(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{} … ({} characters)", &text[..end], text.len()),
        None => text,
    }
}

/// A text of 32 characters that is in no store yet.
pub(super) fn random() -> String {
    format!("{:016x}{:016x}", random_number(), random_number())
}

/// The standard library's random keys are random enough for keys of entries.
pub(super) fn random_number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The number of racing callers in a case.
pub(super) const CONTENDERS: usize = 16;

/// The number of races between two callers in a case whose outcome is open.
pub(super) const ROUNDS: usize = 40;

/// Lets callers start at once, in no order, and gives what they found when all have ended.
pub(super) fn race<T, F>(contenders: impl IntoIterator<Item = F>) -> RaceFuture<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let contenders: Vec<F> = contenders.into_iter().collect();
    let barrier = Arc::new(Barrier::new(contenders.len()));
    Box::pin(async move {
        let mut tasks = JoinSet::new();
        for contender in contenders {
            let barrier = Arc::clone(&barrier);
            tasks.spawn(async move {
                barrier.wait().await;
                for _ in 0..random_number() % 8 {
                    tokio::task::yield_now().await;
                }
                contender.await
            });
        }
        let mut found = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            found.push(ended.map_err(Failure::new)??);
        }
        Ok(found)
    })
}

type RaceFuture<T> = Pin<Box<dyn Future<Output = Result<Vec<T>, Failure>> + Send>>;

/// Calls again as long as the answer is a conflict, for that is the error that says that nothing was changed.
pub(super) async fn settled<T, F>(call: impl Fn() -> F + Send) -> Result<T, Failure>
where
    F: Future<Output = Result<T, AdapterError>> + Send,
{
    loop {
        match call().await {
            Err(error) if error.is_conflict() => tokio::task::yield_now().await,
            answer => return Ok(answer?),
        }
    }
}

/// Returns the number of outcomes equal to this one.
pub(super) fn count<T: PartialEq>(outcomes: &[T], outcome: &T) -> usize {
    outcomes.iter().filter(|found| *found == outcome).count()
}

/// The time now.
pub(super) fn now() -> UnixTime {
    SystemClock.now()
}

/// An expiry that no case lives to see.
pub(super) fn later() -> UnixTime {
    now().saturating_add(Duration::from_secs(3600))
}
