//! The auth server of an axum app.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use faroe_client::Client;
use faroe_core::{
    ServerAction,
    protocol::{
        action::Action,
        secret::SessionToken,
        session::{DeleteSession, DeleteSessionErrorCode, GetSession, GetSessionErrorCode},
    },
};
use subtle::ConstantTimeEq;

use crate::{Cookies, Origin, Rejection, SetCookie, SignedIn, Unavailable, layer::Visit};

/// The longest lifetime of a cookie in browsers.
const LONGEST_MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The size of a session token, in bytes. Other sizes are rejected without a call of the server.
const TOKEN_SIZE: usize = 49;

/// Settings of [`Auth`]. The default is for a site on https.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthOptions {
    /// The form of cookies. Default: [`Cookies::secure`]. With [`Cookies::development`], requests are refused unless their host
    /// is this machine (`localhost`, 127.0.0.0/8 or `[::1]`), so that it is not used in production by mistake.
    pub cookies: Cookies,
    /// The name of the session cookie without the prefix. Default: `session`.
    pub session_cookie_name: &'static str,
    /// The lifetime of the session cookie. Default: 400 days, the longest that browsers allow. `None` keeps the cookie until
    /// the browser is closed. The server decides when the session itself ends.
    pub session_cookie_max_age: Option<Duration>,
    /// Refuses requests from other sites that may change something. Default: `true`.
    pub refuses_cross_site_requests: bool,
    /// Other sites whose pages may send such requests. Add the app's own origin if a proxy changes `Host`.
    pub trusted_origins: Vec<Origin>,
    /// The page to which [`SignedIn`] redirects visitors who are not signed in. Without one they get a 401.
    pub sign_in_page: Option<Uri>,
}

impl AuthOptions {
    /// Returns the options for development on `http://localhost`: the default with [`Cookies::development`].
    pub fn development() -> Self {
        Self {
            cookies: Cookies::development(),
            ..Self::default()
        }
    }

    /// Redirects visitors who are not signed in to this page.
    ///
    /// # Panics
    ///
    /// Panics if it is not a path, such as `/sign-in`.
    pub fn with_sign_in_page(self, path: &'static str) -> Self {
        Self {
            sign_in_page: Some(Uri::from_static(path)),
            ..self
        }
    }
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            cookies: Cookies::secure(),
            session_cookie_name: "session",
            session_cookie_max_age: Some(LONGEST_MAX_AGE),
            refuses_cross_site_requests: true,
            trusted_origins: Vec::new(),
            sign_in_page: None,
        }
    }
}

/// The auth server of an app, as a layer and an extractor. Cheap to clone.
///
/// Behind the layer, `router.layer(auth)`, [`SignedIn`] and `Auth` are extractors, and requests from other sites are refused.
/// The first extractor of a request validates the session; others share the result.
#[derive(Clone, Debug)]
pub struct Auth {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    options: AuthOptions,
}

impl Auth {
    /// Creates it from a `faroe_core::Server` in this process or a [`Client`] of a remote one.
    ///
    /// # Panics
    ///
    /// Panics if the name of the session cookie has characters other than ASCII letters, digits, `-` and `_`.
    pub fn new(client: impl Into<Client>, options: AuthOptions) -> Self {
        let _ = options.cookies.full_name(options.session_cookie_name);
        Self {
            inner: Arc::new(Inner {
                client: client.into(),
                options,
            }),
        }
    }

    /// Returns the client of the auth server.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Returns the form of cookies.
    pub fn cookies(&self) -> Cookies {
        self.inner.options.cookies
    }

    pub(crate) fn options(&self) -> &AuthOptions {
        &self.inner.options
    }

    /// Invokes an action. The handler deals with `Ok(Err(code))`, an error code of the action; `?` returns any other failure
    /// as a 503.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`] if the server answered with neither values nor a code of the action. The failure is logged.
    pub async fn invoke<A: ServerAction>(
        &self,
        action: A,
    ) -> Result<Result<A::Values, A::ErrorCode>, Unavailable> {
        match self.client().invoke(action).await {
            Ok(values) => Ok(Ok(values)),
            Err(error) => match error.code() {
                Some(code) => Ok(Err(code)),
                None => Err(Unavailable::because(A::NAME, error)),
            },
        }
    }

    /// Returns the cookie that signs the browser in with the token of a new session.
    ///
    /// With the response, the layer ends the session that the browser had before. If the server cannot be reached for that,
    /// the sign-in continues.
    pub fn session_cookie(&self, session_token: &SessionToken) -> SetCookie {
        let options = self.options();
        let (name, max_age) = (options.session_cookie_name, options.session_cookie_max_age);
        let cookie = self.cookies().set(name, session_token.expose(), max_age);
        cookie.of_session(session_token)
    }

    /// Returns the removal of the session cookie. It does not end the session: [`Auth::sign_out`] does both.
    pub fn remove_session_cookie(&self) -> SetCookie {
        self.cookies().remove(self.options().session_cookie_name)
    }

    /// Ends the session and returns the removal of its cookie.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`] if the session may still be valid. No user is told that they are signed out while their session
    /// is valid.
    pub async fn sign_out(&self, signed_in: SignedIn) -> Result<SetCookie, Unavailable> {
        let session_token = signed_in.session_token;
        match self.invoke(DeleteSession { session_token }).await? {
            Ok(_) | Err(DeleteSessionErrorCode::InvalidSessionToken) => {
                Ok(self.remove_session_cookie())
            }
            Err(code) => Err(Unavailable::unexpected(DeleteSession::NAME, code)),
        }
    }

    /// Ends a session in whose place the browser gets another one. Failures are logged where they happen.
    pub(crate) async fn end_replaced(&self, replaced: &SessionToken, by: &SessionToken) {
        if replaced.expose().len() == TOKEN_SIZE && !bool::from(replaced.ct_eq(by)) {
            let session_token = replaced.clone();
            let _tolerated = self.invoke(DeleteSession { session_token }).await;
        }
    }

    pub(crate) async fn find(&self, token: &SessionToken) -> Result<Option<SignedIn>, Unavailable> {
        if token.expose().len() != TOKEN_SIZE {
            return Ok(None);
        }
        let session_token = token.clone();
        match self.invoke(GetSession { session_token }).await? {
            Ok(values) => Ok(Some(SignedIn {
                session: values.session,
                session_token: token.clone(),
            })),
            Err(GetSessionErrorCode::InvalidSessionToken) => Ok(None),
            Err(code) => Err(Unavailable::unexpected(GetSession::NAME, code)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Auth {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        Ok(Visit::of(parts)?.auth().clone())
    }
}
