use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::Wake,
    time::Duration,
};

use crate::locked;

/// Far longer than any hash of a test takes.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until a future can go on that a blocking thread has held up.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Waiter {
    pub(super) fn wait(&self) {
        let waited = self
            .changed
            .wait_timeout_while(locked(&self.woken), LIMIT, |woken| !*woken);
        let (mut woken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(
            *woken,
            "an action waits for something that is neither a call nor a blocking thread"
        );
        *woken = false;
    }
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        *locked(&self.woken) = true;
        self.changed.notify_all();
    }
}
