//! Sign-in and sign-out.

use askama::Template;
use axum::{
    Form, Router,
    extract::Query,
    http::{Method, request::Parts},
    routing::{get, post},
};
use faroe_axum::{Auth, SignedIn};
use faroe_core::protocol::signin::{
    CompleteSignin, CompleteSigninErrorCode, CreateSignin, CreateSigninErrorCode,
    VerifySigninUserPassword, VerifySigninUserPasswordErrorCode,
};
use serde::Deserialize;

use crate::{
    app::App,
    field::Field,
    forms::SignInForm,
    message::Message,
    next::{Next, answers},
    page::Page,
    settings,
    visitor::Visitor,
};

pub(crate) const PAGE: &str = "/sign-in";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(PAGE, get(sign_in_page).post(sign_in))
        .route("/sign-out", post(sign_out))
}

/// The query of the sign-in page.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// The page to show after the sign-in.
    then: Option<String>,
}

impl Wanted {
    /// Returns the page, if it is one of this website. A link could name any.
    fn page(&self) -> &'static str {
        let mut pages = settings::PAGES.into_iter();
        pages
            .find(|page| self.then.as_deref() == Some(page))
            .unwrap_or("/")
    }
}

/// Redirects to the sign-in page, and from there to the page that was requested.
pub(crate) fn first(request: &Parts) -> Next {
    let page = match request.method {
        Method::GET => format!("{PAGE}?then={}", request.uri.path()),
        _ => PAGE.to_owned(),
    };
    Next::page(page).telling(Message::SignInFirst)
}

#[derive(Debug, Template)]
#[template(path = "sign-in.html")]
struct SignInPage {
    visitor: Visitor,
}

async fn sign_in_page(visitor: Visitor) -> Result<Page<SignInPage>, Next> {
    let visitor = visitor.only_guest()?;
    Ok(Page(SignInPage { visitor }))
}

async fn sign_in(
    auth: Auth,
    Query(wanted): Query<Wanted>,
    Form(form): Form<SignInForm>,
) -> Result<Next, Next> {
    let email_address = form.email_address()?.to_owned();
    check(&auth, form, wanted.page())
        .await
        .map_err(|next| next.keeping(&email_address))
}

/// Runs the whole flow at once, so that the sign-in token never leaves this process.
async fn check(auth: &Auth, form: SignInForm, page: &'static str) -> Result<Next, Next> {
    let user_email_address = form.email_address()?.to_owned();
    let password = form.password()?;
    let created = auth.invoke(CreateSignin { user_email_address }).await??;
    let signin_token = created.signin_token;
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password,
    };
    auth.invoke(verify).await??;
    let completed = auth.invoke(CompleteSignin { signin_token }).await??;
    Ok(Next::page(page).with(auth.session_cookie(&completed.session_token)))
}

async fn sign_out(auth: Auth, signed_in: Option<SignedIn>) -> Result<Next, Next> {
    let signed_out = Next::page("/").telling(Message::SignedOut);
    match signed_in {
        Some(signed_in) => {
            let cookie = auth.sign_out(signed_in).await.map_err(Next::back_to("/"))?;
            Ok(signed_out.with(cookie))
        }
        None => Ok(signed_out.with(auth.remove_session_cookie())),
    }
}

answers! {
    CreateSigninErrorCode {
        InvalidEmailAddress => Next::stay(Message::EmailAddressInvalid),
        UserDisabled => Next::stay(Message::UserDisabled),
        UserNotFound => Next::stay(Message::EmailAddressUnknown),
    }
    VerifySigninUserPasswordErrorCode {
        IncorrectPassword => Next::stay(Message::PasswordIncorrectAtSignIn),
        InvalidSigninToken => Next::stay(Message::SignInEnded),
        RateLimited => Next::stay(Message::TooManyPasswords),
        UserFirstFactorAlreadyVerified => Next::stay(Message::SignInEnded),
    }
    CompleteSigninErrorCode {
        InvalidSigninToken => Next::stay(Message::SignInEnded),
        UserFirstFactorNotVerified => Next::stay(Message::SignInEnded),
    }
}
