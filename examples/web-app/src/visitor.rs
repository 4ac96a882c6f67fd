//! Who looks at a page, and what the page has to tell.

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

/// Whoever looks at a page. Every page has one, for the frame around it.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    who: Who,
    pub(crate) is_development: bool,
    notice: Option<Notice>,
}

/// Who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Who {
    /// We could not find out.
    #[default]
    Unknown,
    /// Not signed in.
    Guest,
    /// Signed in.
    Member { email_address: String },
}

impl Visitor {
    /// Sends those home who are signed in.
    ///
    /// # Errors
    ///
    /// The way home.
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

    /// The address of somebody who is signed in.
    pub(crate) fn member(&self) -> Option<&str> {
        match &self.who {
            Who::Member { email_address } => Some(email_address),
            Who::Guest | Who::Unknown => None,
        }
    }

    /// Whether it is somebody who is signed in.
    pub(crate) fn is_member(&self) -> bool {
        self.member().is_some()
    }

    /// Whether it is somebody who is not signed in, as far as we know.
    pub(crate) fn is_guest(&self) -> bool {
        self.who == Who::Guest
    }

    fn words(&self) -> Option<Words> {
        Some(self.notice.as_ref()?.message.words())
    }

    /// Whether something is wrong with what was typed, for the title.
    pub(crate) fn has_error(&self) -> bool {
        self.words().is_some_and(|words| !words.is_good_news())
    }

    /// What is to be said above everything.
    pub(crate) fn banner(&self) -> Option<Words> {
        self.words()
            .filter(|words| !matches!(words.place, Place::Field(_)))
    }

    /// The field as it is after what happened.
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

/// Somebody who is signed in. As an extractor it sends others to the sign-in page.
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
            let sign_in = Next::page(sign_in::PAGE).telling(Message::SignInFirst);
            return Err(sign_in.into_response());
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

/// The address and the session of whoever is signed in.
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
            tracing::error!(error = %ErrorChain(&error), "could not read a user");
            Err(Next::stay(Message::Failed { reference: None }).into_response())
        }
    }
}
