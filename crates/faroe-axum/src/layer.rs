//! The layer in front of the app's routes.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use faroe_core::protocol::secret::SessionToken;
use tokio::sync::OnceCell;
use tower::{Layer, Service};

use crate::{
    Auth, Rejection, SignedIn, Unavailable,
    cookies::{NewSession, keep_out_of_caches},
    cross_site::{is_forged, is_this_machine},
};

impl<S> Layer<S> for Auth {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService {
            auth: self.clone(),
            inner,
        }
    }
}

/// The service that [`Auth`] creates as a layer.
#[derive(Clone, Debug)]
pub struct AuthService<S> {
    auth: Auth,
    inner: S,
}

impl<S> Service<Request> for AuthService<S>
where
    S: Service<Request, Response: IntoResponse, Future: Send + 'static>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        if let Some(refusal) = self.auth.refusal(&parts) {
            return Box::pin(async { Ok(refusal) });
        }
        let visit = Visit::new(&self.auth, &parts);
        parts.extensions.insert(visit.clone());
        let answer = self.inner.call(Request::from_parts(parts, body));
        Box::pin(async move {
            let mut response = answer.await?.into_response();
            if let Some(NewSession(new)) = response.extensions_mut().remove() {
                visit.end_session_replaced_by(&new).await;
            }
            if visit.was_asked() {
                keep_out_of_caches(response.headers_mut());
            }
            Ok(response)
        })
    }
}

impl Auth {
    fn refusal(&self, parts: &Parts) -> Option<Response> {
        let options = self.options();
        let reason = if options.cookies.is_development() && !is_this_machine(parts) {
            "in development mode, open this as http://localhost\n"
        } else if options.refuses_cross_site_requests
            && is_forged(parts, options.cookies, &options.trusted_origins)
        {
            "cross-site request refused\n"
        } else {
            return None;
        };
        tracing::debug!(reason = reason.trim_end(), "request refused");
        Some((StatusCode::FORBIDDEN, reason).into_response())
    }
}

/// The state that the extractors of one request share.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    auth: Auth,
    /// The token from the cookie, not validated.
    token: Option<SessionToken>,
    found: OnceCell<Result<Option<SignedIn>, Unavailable>>,
}

impl Visit {
    fn new(auth: &Auth, parts: &Parts) -> Self {
        let name = auth.options().session_cookie_name;
        let token = auth.cookies().get(&parts.headers, name);
        Self {
            inner: Arc::new(Inner {
                auth: auth.clone(),
                token: token.map(SessionToken::from),
                found: OnceCell::new(),
            }),
        }
    }

    /// Returns the visit of a request.
    pub(crate) fn of(parts: &Parts) -> Result<Self, Rejection> {
        let visit = parts.extensions.get().cloned();
        visit.ok_or(Rejection::NoLayer)
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    /// Returns the valid session, if there is one. Asks the server at the first call.
    pub(crate) async fn signed_in(&self) -> Result<Option<SignedIn>, Unavailable> {
        let Some(token) = &self.inner.token else {
            return Ok(None);
        };
        let find = || self.auth().find(token);
        self.inner.found.get_or_init(find).await.clone()
    }

    /// Ends the session that the browser had, if it gets a new one.
    async fn end_session_replaced_by(&self, new: &SessionToken) {
        if let Some(token) = &self.inner.token {
            self.auth().end_replaced(token, new).await;
        }
    }

    /// Checks whether the response may depend on the session.
    fn was_asked(&self) -> bool {
        self.inner.found.initialized()
    }
}
