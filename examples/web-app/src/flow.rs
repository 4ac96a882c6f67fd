//! The tokens of flows, which the browser keeps between steps.
//!
//! They are stored in cookies that no script can read. Hidden fields would leave them in pages, and so in caches, the history
//! and screenshots. As a consequence, a browser has one flow of each kind at a time: starting another one replaces it.

use std::time::Duration;

use axum::{extract::FromRequestParts, http::request::Parts, response::IntoResponse};
use faroe_axum::{Auth, SetCookie};
use faroe_core::protocol::secret::{
    SignupToken, UserEmailAddressUpdateToken, UserPasswordResetToken, UserPasswordUpdateToken,
};

use crate::{forgot_password, next::Next, settings, sign_up};

/// The lifetime of the cookies, longer than that of any flow: a user who returns too late learns that the flow has expired.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// The token of a flow of several pages.
pub(crate) trait FlowToken: From<String> {
    /// The name of the cookie.
    const COOKIE: &'static str;
    /// The first page of the flow.
    const FIRST_PAGE: &'static str;
    /// Returns the token as text.
    fn expose(&self) -> &str;
}

macro_rules! flow_tokens {
    ($($token:ident: $cookie:literal, $first_page:expr;)*) => {$(
        impl FlowToken for $token {
            const COOKIE: &'static str = $cookie;
            const FIRST_PAGE: &'static str = $first_page;

            fn expose(&self) -> &str {
                self.expose()
            }
        }
    )*};
}

flow_tokens! {
    SignupToken: "sign-up", sign_up::FIRST_PAGE;
    UserPasswordResetToken: "forgot-password", forgot_password::FIRST_PAGE;
    UserEmailAddressUpdateToken: "email-address", settings::email_address::FIRST_PAGE;
    UserPasswordUpdateToken: "password", settings::password::FIRST_PAGE;
}

/// The current flow of the browser. The extractor redirects to the flow's first page if there is none.
#[derive(Debug)]
pub(crate) struct Flow<T>(pub(crate) T);

/// Returns the cookie that starts a flow.
pub(crate) fn enter<T: FlowToken>(auth: &Auth, token: &T) -> SetCookie {
    auth.cookies().set(T::COOKIE, token.expose(), Some(MAX_AGE))
}

/// Returns the cookie that ends a flow.
pub(crate) fn leave<T: FlowToken>(auth: &Auth) -> SetCookie {
    auth.cookies().remove(T::COOKIE)
}

impl<T: FlowToken, S: Sync> FromRequestParts<S> for Flow<T> {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let auth = Auth::from_request_parts(parts, state).await;
        let auth = auth.map_err(IntoResponse::into_response)?;
        match auth.cookies().get(&parts.headers, T::COOKIE) {
            Some(token) => Ok(Self(token.into())),
            None => Err(Next::page(T::FIRST_PAGE).into_response()),
        }
    }
}
