//! The visitor of a page, and the message for them.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use faroe_axum::{Auth, Rejection, SignedIn};
use faroe_core::{error::ErrorChain, protocol::secret::SessionToken};

use crate::{
    app::App,
    field::Field,
    message::{Message, Place, Words},
    next::{Next, Notice},
    sign_in,
};

/// The visitor of a page. Every page needs one for its layout.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    who: Who,
    pub(crate) is_development: bool,
    notice: Option<Notice>,
}

/// The identity of a visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Who {
    /// Could not be determined.
    #[default]
    Unknown,
    /// Not signed in.
    Guest,
    /// Signed in.
    Member { email_address: String },
}

impl Visitor {
    /// Redirects visitors who are signed in to the front page.
    ///
    /// # Errors
    ///
    /// Returns the redirect.
    pub(crate) fn only_guest(self) -> Result<Self, Next> {
        match self.who {
            Who::Member { .. } => Err(Next::page("/")),
            Who::Guest | Who::Unknown => Ok(self),
        }
    }

    async fn new(who: Who, parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let auth = Auth::from_request_parts(parts, app).await;
        let cookies = auth.map_err(IntoResponse::into_response)?.cookies();
        Ok(Self {
            who,
            is_development: app.mailbox.is_some(),
            notice: Notice::find(cookies, &parts.headers, parts.uri.path()),
        })
    }

    /// Returns the visitor's address if they are signed in.
    pub(crate) fn member(&self) -> Option<&str> {
        match &self.who {
            Who::Member { email_address } => Some(email_address),
            Who::Guest | Who::Unknown => None,
        }
    }

    /// Checks whether the visitor is signed in.
    pub(crate) fn is_member(&self) -> bool {
        self.member().is_some()
    }

    /// Checks whether the visitor is known to be signed out.
    pub(crate) fn is_guest(&self) -> bool {
        self.who == Who::Guest
    }

    fn words(&self) -> Option<Words> {
        Some(self.notice.as_ref()?.message.words())
    }

    /// Checks whether the page shows an error, for its title.
    pub(crate) fn has_error(&self) -> bool {
        self.words().is_some_and(|words| !words.is_good_news())
    }

    /// Returns the message for the top of the page.
    pub(crate) fn banner(&self) -> Option<Words> {
        self.words()
            .filter(|words| !matches!(words.place, Place::Field(_)))
    }

    /// Adds the previous input and the error to a field.
    pub(crate) fn field<'a>(&'a self, field: Field<'a>) -> Field<'a> {
        let typed = self
            .notice
            .as_ref()
            .and_then(|notice| notice.typed.as_deref());
        let error = self
            .words()
            .filter(|words| words.place == Place::Field(field.name()));
        field.again(typed.unwrap_or_default(), error)
    }
}

/// A visitor who is signed in. The extractor redirects other visitors to the sign-in page.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) visitor: Visitor,
    pub(crate) email_address: String,
    pub(crate) session_token: SessionToken,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let who = match signed_in(parts, app).await? {
            Some((email_address, _)) => Who::Member { email_address },
            None => Who::Guest,
        };
        Self::new(who, parts, app).await
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Some((email_address, session_token)) = signed_in(parts, app).await? else {
            return Err(sign_in::first(parts).into_response());
        };
        let who = Who::Member {
            email_address: email_address.clone(),
        };
        Ok(Self {
            visitor: Visitor::new(who, parts, app).await?,
            email_address,
            session_token,
        })
    }
}

/// Returns the visitor's address and session token if they are signed in.
async fn signed_in(
    parts: &mut Parts,
    app: &App,
) -> Result<Option<(String, SessionToken)>, Response> {
    let signed_in = <SignedIn as OptionalFromRequestParts<App>>::from_request_parts(parts, app);
    let signed_in = signed_in.await.map_err(|rejection| match rejection {
        Rejection::Unavailable(reason) => Next::from(reason).into_response(),
        other => other.into_response(),
    })?;
    let Some(signed_in) = signed_in else {
        return Ok(None);
    };
    match app.users.get_user(&signed_in.session.user_id).await {
        Ok(user) => Ok(user.map(|user| (user.email_address, signed_in.session_token))),
        Err(error) => {
            tracing::error!(error = %ErrorChain(&error), "user not read");
            Err(Next::stay(Message::Failed { reference: None }).into_response())
        }
    }
}
