//! `GET /ready`: checks that storages and user store answer.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use faroe_core::{
    error::{AdapterError, ErrorChain},
    storage::{MainStorage, RateLimitStorage},
    user_store::{UserId, UserStore},
};
use tokio::time::timeout;

use super::App;

/// The time within which each part has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A key and a user ID that do not exist.
const NOTHING: &str = "ready";

/// The parts that have to answer.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    pub(crate) main_storage: Arc<dyn MainStorage>,
    pub(crate) rate_limit_storage: Arc<dyn RateLimitStorage>,
    pub(crate) user_store: Arc<dyn UserStore>,
}

impl Readiness {
    /// Returns the names of the parts that do not answer.
    async fn missing(&self) -> Vec<&'static str> {
        let user_id = UserId::from(NOTHING);
        let (main_storage, rate_limit_storage, user_store) = tokio::join!(
            answers("storage", self.main_storage.get(NOTHING)),
            answers("rate limit storage", self.rate_limit_storage.get(NOTHING)),
            answers("user store", self.user_store.get_user(&user_id)),
        );
        [main_storage, rate_limit_storage, user_store]
            .into_iter()
            .filter_map(Result::err)
            .collect()
    }
}

/// Checks that a part answers. `Err` is its name; the reason is logged.
async fn answers<T>(
    name: &'static str,
    question: impl Future<Output = Result<T, AdapterError>>,
) -> Result<(), &'static str> {
    match timeout(PATIENCE, question).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(part = name, error = %ErrorChain(&error), "not ready");
            Err(name)
        }
        Err(_) => {
            tracing::warn!(
                part = name,
                error = "no answer within two seconds",
                "not ready"
            );
            Err(name)
        }
    }
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.drains.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: stopping\n").into_response();
    }
    let missing = app.readiness.missing().await;
    if missing.is_empty() {
        "ready\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {}\n", missing.join(", ")),
        )
            .into_response()
    }
}
