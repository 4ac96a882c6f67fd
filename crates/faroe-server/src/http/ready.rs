//! `GET /ready`: whether everything that the server depends on answers.

use std::{sync::Arc, time::Duration};

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

/// What does not answer within this time is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// A key and a user ID that nothing has.
const NOTHING: &str = "ready";

/// What has to answer.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    pub(crate) main_storage: Arc<dyn MainStorage>,
    pub(crate) rate_limit_storage: Arc<dyn RateLimitStorage>,
    pub(crate) user_store: Arc<dyn UserStore>,
}

impl Readiness {
    /// The names of those that do not answer.
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

/// `Err` is the name. Why it does not answer goes to the log.
async fn answers<T>(
    name: &'static str,
    question: impl Future<Output = Result<T, AdapterError>>,
) -> Result<(), &'static str> {
    match timeout(PATIENCE, question).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(error = %ErrorChain(&error), "the {name} is not ready");
            Err(name)
        }
        Err(_) => {
            tracing::warn!("the {name} is not ready: it did not answer within two seconds");
            Err(name)
        }
    }
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
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
