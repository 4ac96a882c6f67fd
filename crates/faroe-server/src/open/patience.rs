//! Waiting for databases and user servers that are not up yet.

use std::{fmt, time::Duration};

use faroe_core::error::{AdapterError, ErrorChain};
use tokio::time::{Instant, sleep};

use super::could_not_use;
use crate::{StartError, configuration::Named};

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// The time until which the start waits for what is not up yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn until(end: Instant) -> Self {
        Self(end)
    }

    /// Returns the patience of one attempt.
    pub(crate) fn none() -> Self {
        Self(Instant::now())
    }

    /// Opens a place, and tries again while it is not there. Any other failure, such as a wrong password, is final. The first
    /// wait is logged.
    pub(super) async fn open<T>(
        self,
        named: &Named<impl fmt::Display + Sync>,
        open: impl AsyncFn() -> Result<T, AdapterError>,
    ) -> Result<T, StartError> {
        let mut has_waited = false;
        loop {
            let error = match open().await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            let left = self.0.saturating_duration_since(Instant::now());
            if left.is_zero() || !error.is_unavailable() {
                return Err(could_not_use(named, &error));
            }
            if !has_waited {
                let (setting, at_most) = (named.setting, left.as_secs_f32());
                let error = ErrorChain(&error);
                tracing::warn!(
                    setting,
                    place = %named,
                    %error,
                    at_most_seconds = at_most,
                    "waiting for a database or user server that is not up yet (start_timeout)"
                );
                has_waited = true;
            }
            sleep(left.min(PAUSE)).await;
        }
    }
}
