//! The HTTP surface: its paths, and the headers of every answer.

mod console;
mod dev_emails;
pub(crate) mod ready;
mod requests;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header},
    response::Response,
    routing::{get, post},
};
use faroe_axum::{endpoint::ActionInvocationEndpoint, ip_rate_limit::IpRateLimitLayer};
use tower_http::cors::{AllowOrigin, CorsLayer};

use self::requests::{Paths, Requests};
use crate::{connections::Places, dev_mailbox::DevMailbox, hosts::Hosts, readiness::Readiness};

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
    /// The names of the fields at sign-up, for the console.
    pub(crate) signup_fields: Vec<String>,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) places: Arc<Places>,
    /// `true` if the server will be stopped soon: it is not ready, and connections are not kept.
    pub(crate) drains: AtomicBool,
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

    /// Fails `/ready` from now on, and closes each connection after its next answer.
    pub(crate) fn drain(&self) {
        self.0.app.drains.store(true, Ordering::Relaxed);
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
            .merge(console::routes(Arc::clone(mailbox), &app.signup_fields));
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

/// Lets known origins read answers. `None` if there are none.
fn cors(app: &App) -> Option<CorsLayer> {
    if !app.hosts.knows_any_origin() {
        return None;
    }
    let hosts = Arc::clone(&app.hosts);
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| hosts.knows(origin)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        .max_age(PREFLIGHT_AGE);
    Some(cors)
}

#[cfg(test)]
mod tests;
