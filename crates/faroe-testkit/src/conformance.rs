//! Suites that test an implementation of a trait of [`faroe_core`] against the trait's contract.
//!
//! A suite consists of a name and a closure that opens the implementation. [`run`] turns any number of suites into an ordinary
//! test binary:
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
//! The test needs `harness = false` in Cargo.toml. It accepts the usual arguments, such as filters and `--list`, and works with
//! `cargo nextest`.
//!
//! The closure is called once for each case, within a multi-threaded Tokio runtime shared by all cases. It can open an empty
//! store, or a shared one with other content: every case uses its own random keys and deletes nothing. The closure should panic
//! if it cannot open the store. To test several connections as one store, return a
//! [`RoundRobin`](crate::round_robin::RoundRobin). Expiry is tested in real time, so a store that takes a clock must use the
//! [`SystemClock`](faroe_core::time::SystemClock).

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
    cache::cache,
    main_storage::main_storage,
    rate_limit_storage::rate_limit_storage,
    storage::storage,
    user_store::{user_store, user_store_ignoring_case, user_store_with_fields},
};

/// The time limit of a case, which waits only for the store.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("the system has room for four threads")
});

/// Runs suites as the `main` function of a test, with the arguments of the process.
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
    /// Creates a suite that cannot run, for example because its database is missing. It is listed as one ignored test with the
    /// reason, and fails with `--include-ignored`.
    pub fn unavailable(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            unavailable: Some(reason.into()),
            ..Self::new(name)
        }
    }

    /// Returns the tests of this suite, named `suite::case`, for a test binary with further tests.
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

    /// Leaves out a case, for an implementation that was written before it.
    ///
    /// # Panics
    ///
    /// Panics if the suite has no such case.
    pub fn but_for(mut self, case: &str) -> Self {
        let found = self.cases.iter().position(|(name, _)| *name == case);
        drop(
            self.cases
                .remove(found.unwrap_or_else(|| panic!("there is no case {case}"))),
        );
        self
    }

    /// Returns the names of the cases.
    pub fn case_names(&self) -> impl Iterator<Item = &'static str> {
        self.cases.iter().map(|(case, _)| *case)
    }

    /// Runs one case and returns the fault that it has found, if any, to test that the suite detects a certain fault. Must not
    /// be called within an asynchronous runtime.
    ///
    /// # Panics
    ///
    /// Panics if the suite has no such case.
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

    /// Adds cases, each of which opens its own store and uses it through `wrap`.
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

/// Runs a case on the shared runtime. A panic, for example in the implementation, is a failure like any other.
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
