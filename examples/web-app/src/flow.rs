//! The tokens of flows, which a browser holds from one step to the next.
//!
//! They are in cookies that no script can read, and not in hidden fields: so they are in no page that a cache, the history
//! or a screenshot keeps, and never in an address. The price: a browser is in one flow of a kind at a time, the last one.

use std::time::Duration;

use axum::{extract::FromRequestParts, http::request::Parts, response::IntoResponse};
use faroe_axum::{Auth, SetCookie};
use faroe_core::protocol::secret::{
    SignupToken, UserEmailAddressUpdateToken, UserPasswordResetToken, UserPasswordUpdateToken,
};

use crate::{forgot_password, next::Next, settings, sign_up};

/// Longer than any flow lives: whoever comes back too late is told so, instead of starting again without a word.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// The token of a flow of several pages.
pub(crate) trait FlowToken: From<String> {
    /// The name of its cookie.
    const COOKIE: &'static str;
    /// Where the flow begins, for those who are in none.
    const FIRST_PAGE: &'static str;
    /// The token itself.
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

/// The flow that a browser is in. As an extractor it sends those who are in none to the flow's first page.
#[derive(Debug)]
pub(crate) struct Flow<T>(pub(crate) T);

/// The browser is in this flow from now on.
pub(crate) fn enter<T: FlowToken>(auth: &Auth, token: &T) -> SetCookie {
    auth.cookies().set(T::COOKIE, token.expose(), Some(MAX_AGE))
}

/// The browser is in no flow of this kind any more.
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
