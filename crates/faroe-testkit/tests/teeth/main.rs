//! The suites have teeth: each case fails for an implementation that breaks just what the case is about.

mod cache;
mod fields;
mod letter_case;
mod main_storage;
mod rate_limit_storage;
mod storage;
mod user_store;

use std::{collections::BTreeSet, time::Duration};

use faroe_testkit::conformance::Suite;
use tokio::sync::watch;

/// Every defect must be found by the case beside it, and every case of the suite must find one, but for those that
/// another suite's table is for.
fn notices<D: std::fmt::Debug + Copy>(
    suite: impl Fn(Option<D>) -> Suite,
    table: &[(D, &'static str)],
    proven_elsewhere: impl IntoIterator<Item = &'static str>,
) {
    let sound = suite(None);
    for &(defect, case) in table {
        assert_eq!(sound.fault_found_by(case), None, "{case} without a defect");
        let fault = suite(Some(defect)).fault_found_by(case);
        assert!(fault.is_some(), "{case} does not notice {defect:?}");
    }
    let mut proven: BTreeSet<_> = table.iter().map(|(_, case)| *case).collect();
    proven.extend(proven_elsewhere);
    let without_teeth: Vec<_> = sound
        .case_names()
        .filter(|case| !proven.contains(case))
        .collect();
    assert!(without_teeth.is_empty(), "no defect for {without_teeth:?}");
}

/// A break that a broken operation takes between a check and an act that belong together.
#[derive(Debug, Default)]
struct Break {
    events: watch::Sender<usize>,
}

impl Break {
    /// Lasts until another caller takes a break or finishes a call; not for ever, for there may be no other.
    async fn take(&self) {
        self.end();
        let mut events = self.events.subscribe();
        let _ = tokio::time::timeout(Duration::from_millis(50), events.changed()).await;
    }

    /// Ends all breaks.
    fn end(&self) {
        self.events.send_modify(|events| *events += 1);
    }

    /// Held for the length of a call.
    fn call(&self) -> Call<'_> {
        Call(self)
    }
}

struct Call<'a>(&'a Break);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
