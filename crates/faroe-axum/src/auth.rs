//! The auth server, as an axum app sees it.

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

use crate::{Cookies, Origin, Rejection, SetCookie, SignedIn, Unavailable, layer::Visit};

/// The longest time for which browsers keep a cookie.
const LONGEST_MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The size of a session token, in bytes: what is longer or shorter is none, and the server need not be asked.
const TOKEN_SIZE: usize = 49;

/// What there is to choose. The default is for a site on https.
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// How cookies are made: [`Cookies::secure`] unless said otherwise. With [`Cookies::development`] a request is
    /// refused unless its host is this machine (`localhost`, 127.0.0.0/8 or `[::1]`), so that it is not used anywhere else.
    pub cookies: Cookies,
    /// The name of the session's cookie without the prefix: `session` unless said otherwise.
    pub session_cookie_name: &'static str,
    /// How long a browser keeps the session's cookie: 400 days, which is as long as browsers go, unless said otherwise;
    /// `None` is until it is closed. When the session itself ends is the server's decision.
    pub session_cookie_max_age: Option<Duration>,
    /// Whether requests that may change something are refused if another site has sent them; they are, unless said
    /// otherwise.
    pub refuses_cross_site_requests: bool,
    /// Other sites whose pages may send such requests all the same. The app's own origin belongs here if a proxy changes
    /// `Host`.
    pub trusted_origins: Vec<Origin>,
    /// Where [`SignedIn`] sends those who are not. Without a page they get a 401.
    pub sign_in_page: Option<Uri>,
}

impl AuthOptions {
    /// The options for development on `http://localhost`: [`Cookies::development`], and all else as by default.
    pub fn development() -> Self {
        Self {
            cookies: Cookies::development(),
            ..Self::default()
        }
    }

    /// Sends those who are not signed in to this page.
    ///
    /// # Panics
    ///
    /// If it is not a path, such as `/sign-in`.
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

/// The auth server of an app, and how it is used there. Cheap to clone.
///
/// It is a layer, `router.layer(auth)`: behind it [`SignedIn`] and `Auth` itself are extractors, and requests of other
/// sites are refused. A session is validated when the first extractor asks for it, and once for each request at most.
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
    /// The auth server behind a client: a `faroe_core::Server` in this process, or a [`Client`] of one elsewhere.
    ///
    /// # Panics
    ///
    /// If the name of the session's cookie has anything but ASCII letters, digits, `-` and `_`.
    pub fn new(client: impl Into<Client>, options: AuthOptions) -> Self {
        let _ = options.cookies.full_name(options.session_cookie_name);
        Self {
            inner: Arc::new(Inner {
                client: client.into(),
                options,
            }),
        }
    }

    /// The way to the auth server.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// How cookies are made here.
    pub fn cookies(&self) -> Cookies {
        self.inner.options.cookies
    }

    pub(crate) fn options(&self) -> &AuthOptions {
        &self.inner.options
    }

    /// Invokes an action. `Ok(Err(code))` is the action's own answer, for the handler to deal with; all that is no answer
    /// is an `Err`, for `?` to return as a 503.
    ///
    /// # Errors
    ///
    /// The server gave neither values nor a code of the action; it is logged.
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

    /// The cookie that signs the browser in with the token of a new session.
    pub fn session_cookie(&self, session_token: &SessionToken) -> SetCookie {
        let options = self.options();
        let (name, max_age) = (options.session_cookie_name, options.session_cookie_max_age);
        self.cookies().set(name, session_token.expose(), max_age)
    }

    /// Removes the session's cookie, which does not end the session: [`Auth::sign_out`] does both.
    pub fn remove_session_cookie(&self) -> SetCookie {
        self.cookies().remove(self.options().session_cookie_name)
    }

    /// Ends the session and removes its cookie.
    ///
    /// # Errors
    ///
    /// The session may not have ended. Nobody is told that he is signed out while his session lives on.
    pub async fn sign_out(&self, signed_in: SignedIn) -> Result<SetCookie, Unavailable> {
        let session_token = signed_in.session_token;
        match self.invoke(DeleteSession { session_token }).await? {
            Ok(_) | Err(DeleteSessionErrorCode::InvalidSessionToken) => {
                Ok(self.remove_session_cookie())
            }
            Err(code) => Err(Unavailable::unexpected(DeleteSession::NAME, code)),
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
