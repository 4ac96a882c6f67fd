//! The extractor of the signed-in user.

use std::{error::Error, fmt};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{StatusCode, Uri, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use faroe_core::protocol::{secret::SessionToken, session::Session};

use crate::{Unavailable, layer::Visit};

/// A valid session. As an extractor it admits signed-in users only; `Option<SignedIn>` admits everyone.
///
/// Both respond with 503 while the auth server is unavailable: an outage never looks like a sign-out. The session is
/// validated once per request, however many extractors it has.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session and the ID of its user.
    pub session: Session,
    /// The session token, for the actions that take one.
    pub session_token: SessionToken,
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let visit = Visit::of(parts)?;
        visit
            .signed_in()
            .await?
            .ok_or_else(|| Rejection::NotSignedIn {
                sign_in_page: visit.auth().options().sign_in_page.clone(),
            })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for SignedIn {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        Ok(Visit::of(parts)?.signed_in().await?)
    }
}

/// The reason for which an extractor rejected a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no valid session: 303 to the sign-in page, or 401 where there is none.
    NotSignedIn {
        /// The sign-in page.
        sign_in_page: Option<Uri>,
    },
    /// The auth server is unavailable: 503.
    Unavailable(Unavailable),
    /// The route is not behind the layer, a mistake in the app: 500.
    NoLayer,
}

impl From<Unavailable> for Rejection {
    fn from(reason: Unavailable) -> Self {
        Self::Unavailable(reason)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSignedIn { .. } => f.write_str("sign in first"),
            Self::Unavailable(reason) => reason.fmt(f),
            Self::NoLayer => f.write_str("this route is not behind the layer `faroe_axum::Auth`"),
        }
    }
}

impl Error for Rejection {}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotSignedIn {
                sign_in_page: Some(page),
            } => return Redirect::to(&page.to_string()).into_response(),
            Self::Unavailable(reason) => return reason.into_response(),
            Self::NotSignedIn { sign_in_page: None } => StatusCode::UNAUTHORIZED,
            Self::NoLayer => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{self}\n")).into_response()
    }
}
