//! `faroe-server user-server`: serves the configured users to a Faroe server elsewhere.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use faroe_core::protocol::envelope::MAX_BODY_SIZE;
use faroe_user_server::{
    BearerTokens, Protection, UserServer, UserServerOptions, Verifier, VerifierOptions,
    VerifyingKey,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout},
};

use crate::{
    Configuration, StartError,
    configuration::{Credentials, Http, Settings},
    connections::{self, Places},
    hosts::Hosts,
    http::ready,
    open::{self, Patience, listen},
    readiness::Readiness,
    role::Role,
};

/// A user server that has opened its user store and listens for connections.
#[derive(Debug)]
pub struct UserServerInstance {
    http: Http,
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    hosts: Arc<Hosts>,
}

impl UserServerInstance {
    /// Opens the user store and listens. Connections wait until [`UserServerInstance::run_until`] serves them.
    ///
    /// # Errors
    ///
    /// A setting is invalid, the user store cannot be opened, or the address cannot be listened on.
    pub async fn start(configuration: Configuration) -> Result<Self, StartError> {
        let settings = configuration.settings;
        let protection = protection(&settings)?;
        open::data_dir(&settings)?;
        let patience = Patience::until(Instant::now() + settings.start_timeout);
        let users = open::users::open(&settings, patience).await?;
        let readiness = Readiness::new(vec![Role::UserStore(users.clone())]);
        // Logs if it is not ready, such as a database that is read-only. It may become ready later.
        readiness.try_out().await;
        let mut options = UserServerOptions::default();
        options.timeout = settings.timeouts.user_store;
        options.email_address_case = settings.email_address_case.into();
        let server = UserServer::new(users.store(), protection, options);
        let body_timeout = settings.http.body_timeout;
        let router = Router::new()
            .route("/", post(answer))
            .route("/health", get(|| async { "alive\n" }))
            .route(
                "/ready",
                get(|| async move { ready::answer(&readiness).await }),
            )
            .with_state((server, body_timeout));
        let (listener, address) = listen(settings.listen).await?;
        Ok(Self {
            address,
            listener,
            router,
            hosts: Arc::new(Hosts::new(settings.mode, &settings.http)),
            http: settings.http,
        })
    }

    /// Returns the address that it listens on, with the real port if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then it accepts no more connections, finishes the requests in flight and returns,
    /// after the shutdown timeout at the latest.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send) {
        let answers_for = |_| self.router.clone();
        let places = Arc::new(Places::new(self.http.max_connections));
        connections::serve(
            self.listener,
            answers_for,
            &self.http,
            self.hosts,
            places,
            stop,
        )
        .await;
    }
}

fn protection(settings: &Settings) -> Result<Protection, StartError> {
    let credentials = settings.user_server.credentials()?;
    Ok(match credentials.expect("the configuration was checked") {
        Credentials::BearerTokens(tokens) => {
            let tokens = BearerTokens::new(tokens.iter().map(|token| token.expose()));
            let failed = |error| StartError::because("user_server.bearer_tokens", &error);
            Protection::BearerTokens(tokens.map_err(failed)?)
        }
        Credentials::Keys(keys) => {
            let keys = keys.iter().map(|(id, key)| {
                let key = VerifyingKey::parse(id, key.expose());
                let what = format!("user_server.keys.{id}");
                key.map_err(|error| StartError::because(what, &error))
            });
            let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
            let verifier = Verifier::new(keys, VerifierOptions::default());
            let failed = |error| StartError::because("user_server.keys", &error);
            Protection::Signatures(verifier.map_err(failed)?)
        }
    })
}

async fn answer(
    State((server, body_timeout)): State<(UserServer, Duration)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let mut response = match read(body, body_timeout).await {
        Ok(body) => server.answer(&head, &body).await.into_response(),
        Err(status) => {
            // The rest of the body is not waited for, so the connection cannot be used again.
            let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
            (status, close, "the body was not read\n").into_response()
        }
    };
    let nosniff = HeaderValue::from_static("nosniff");
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

async fn read(body: Body, time: Duration) -> Result<Bytes, StatusCode> {
    match timeout(time, Limited::new(body, MAX_BODY_SIZE).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
