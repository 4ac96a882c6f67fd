//! The HTTP surface: its paths, and the headers of every answer.

mod console;
mod dev_emails;
mod ready;
mod requests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    response::Response,
    routing::{get, post},
};
use faroe_address::Origin;
use faroe_axum::{endpoint::ActionInvocationEndpoint, ip_rate_limit::IpRateLimitLayer};
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, CorsLayer};

pub(crate) use self::ready::Readiness;
use self::requests::{Paths, Requests};
use crate::{configuration::Http, dev_mailbox::DevMailbox};

/// The time for which a browser remembers a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// The state of the handlers.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) endpoint: ActionInvocationEndpoint,
    /// Counts requests of each client address, if they are limited.
    pub(crate) ip_rate_limit: Option<IpRateLimitLayer>,
    pub(crate) readiness: Readiness,
    /// In development mode only.
    pub(crate) dev_mailbox: Option<Arc<DevMailbox>>,
    pub(crate) http: Http,
    /// A permit for each connection that may be open.
    pub(crate) places: Arc<Semaphore>,
}

/// Answers the requests of all connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct HttpService(Arc<Paths>);

impl HttpService {
    /// Returns the service for a connection from this address.
    pub(crate) fn for_connection_of(&self, peer: SocketAddr) -> Requests {
        Requests {
            paths: Arc::clone(&self.0),
            peer,
        }
    }
}

pub(crate) fn service(app: App) -> HttpService {
    let app = Arc::new(app);
    let mut router = Router::new()
        .route("/", post(invoke))
        .route("/health", get(|| async { "alive\n" }))
        .route("/ready", get(ready::ready));
    if let Some(mailbox) = &app.dev_mailbox {
        router = router
            .route("/dev/emails", get(dev_emails::list))
            .merge(console::routes(Arc::clone(mailbox)));
    }
    HttpService(Arc::new(Paths {
        router: router.with_state(Arc::clone(&app)),
        cors: cors(&app),
        app,
    }))
}

async fn invoke(State(app): State<Arc<App>>, request: Request) -> Response {
    app.endpoint.answer(request).await
}

/// Lets the allowed origins read answers. `None` if there are none.
fn cors(app: &Arc<App>) -> Option<CorsLayer> {
    if app.http.allowed_origins.is_empty() && app.dev_mailbox.is_none() {
        return None;
    }
    let app = Arc::clone(app);
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            may_read(&app, origin)
        }))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        .max_age(PREFLIGHT_AGE);
    Some(cors)
}

/// Checks whether web pages of this origin may read answers: the configured ones may, and in development mode those of
/// this machine.
fn may_read(app: &App, origin: &HeaderValue) -> bool {
    let parsed = || origin.to_str().ok()?.parse::<Origin>().ok();
    let mut allowed = app.http.allowed_origins.iter();
    allowed.any(|allowed| allowed.as_str() == origin)
        || app.dev_mailbox.is_some() && parsed().is_some_and(|origin| origin.is_this_machine())
}

/// Checks whether a `Host` header, `host` or `host:port`, names this machine.
fn is_this_machine(host: &str) -> bool {
    Origin::new("http", host).is_ok_and(|origin| origin.is_this_machine())
}

#[cfg(test)]
mod tests;
