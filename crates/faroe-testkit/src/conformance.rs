//! Suites that prove an implementation of a trait of [`faroe_core`] against the trait's contract.
//!
//! A suite is made from a name and a closure that opens what is to be tested; [`run`] makes an ordinary test binary of
//! any number of suites:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use faroe_testkit::{conformance, storage::ReferenceStorage};
//!
//! fn main() -> ExitCode {
//!     conformance::run([conformance::storage("reference", async || ReferenceStorage::keeping_expired())])
//! }
//! ```
//!
//! The test has `harness = false` in Cargo.toml and understands the arguments of an ordinary one, filters and `--list`
//! for example; `cargo nextest` runs it too.
//!
//! The closure is called once for each case, within a multi-threaded tokio runtime that all cases share. It may open a
//! fresh store or one that is shared and full of other things: every case makes its own random keys and cleans nothing
//! up. It panics if it cannot open. To test several connections as one, give it a
//! [`RoundRobin`](crate::round_robin::RoundRobin). Expiry is tested by the real time, so a store that can be given a
//! clock gets the [`SystemClock`](faroe_core::time::SystemClock).

mod cache;
mod case;
mod entries;
mod histories;
mod main_storage;
mod rate_limit_storage;
mod storage;
mod user_store;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{Arc, LazyLock},
    time::Duration,
};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use self::case::{Case, CaseResult, Failure};
pub use self::{
    cache::cache, main_storage::main_storage, rate_limit_storage::rate_limit_storage,
    storage::storage, user_store::user_store,
};

/// A case that takes longer has failed: it waits for nothing but the store.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("the system has room for four threads")
});

/// Runs suites as the `main` of a test, with the arguments that the test was called with.
#[must_use = "the exit code tells whether a case has failed"]
pub fn run(suites: impl IntoIterator<Item = Suite>) -> ExitCode {
    let trials = suites.into_iter().flat_map(Suite::into_trials).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The cases of one trait, for one implementation.
#[must_use]
pub struct Suite {
    name: String,
    cases: Vec<(&'static str, RunCase)>,
    unavailable: Option<String>,
}

type RunCase = Box<dyn Fn() -> CaseResult + Send>;

impl Suite {
    /// A suite that cannot run because something it needs is missing, a database for example. It is listed as one test,
    /// ignored, with the reason beside it; `--include-ignored` makes it fail.
    pub fn unavailable(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            unavailable: Some(reason.into()),
            ..Self::new(name)
        }
    }

    /// The tests of this suite, named `suite::case`, for a test binary that has others as well.
    pub fn into_trials(self) -> Vec<Trial> {
        if let Some(reason) = self.unavailable {
            let failure = Failed::from(&reason);
            let trial = Trial::test(self.name, || Err(failure));
            return vec![trial.with_kind(reason).with_ignored_flag(true)];
        }
        let cases = self.cases.into_iter();
        cases
            .map(|(case, run)| Trial::test(format!("{}::{case}", self.name), move || Ok(run()?)))
            .collect()
    }

    /// The names of the cases.
    pub fn case_names(&self) -> impl Iterator<Item = &'static str> {
        self.cases.iter().map(|(case, _)| *case)
    }

    /// Runs one case and tells what fault it has found, if any: for a test that proves that the suite notices a certain
    /// fault. Not to be called from within an asynchronous runtime.
    ///
    /// # Panics
    ///
    /// When the suite has no such case.
    pub fn fault_found_by(&self, case: &str) -> Option<String> {
        let found = self.cases.iter().find(|(name, _)| *name == case);
        let (_, run) = found.unwrap_or_else(|| panic!("there is no case {case}"));
        run().err().map(|failure| failure.to_string())
    }

    fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            cases: Vec::new(),
            unavailable: None,
        }
    }

    /// Adds cases, each of which opens a store of its own and sees it as `wrap` makes it look.
    fn with_cases<S: 'static, T: ?Sized + 'static>(
        mut self,
        cases: &[Case<T>],
        open: &Arc<impl AsyncFn() -> S + Send + Sync + 'static>,
        wrap: fn(S) -> Arc<T>,
    ) -> Self {
        for &(name, case) in cases {
            let open = Arc::clone(open);
            let run = move || run_case(async || case(wrap(open().await)).await);
            self.cases.push((name, Box::new(run)));
        }
        self
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("name", &self.name)
            .field("cases", &self.cases.len())
            .field("unavailable", &self.unavailable)
            .finish()
    }
}

/// Runs a case to its end on the shared runtime. A panic, of the implementation for example, is a failure like any other.
fn run_case(case: impl AsyncFn() -> CaseResult) -> CaseResult {
    let run = || {
        RUNTIME.block_on(async {
            let in_time = tokio::time::timeout(CASE_TIMEOUT, case()).await;
            in_time.unwrap_or_else(|_| Err(Failure::new("the case did not end in time")))
        })
    };
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|panic| Err(Failure::of_panic(panic.as_ref())))
}
