//! Account settings of a user who is signed in.

mod delete_account;
pub(crate) mod email_address;
pub(crate) mod password;

use askama::Template;
use axum::{
    Router,
    routing::{get, post},
};
use faroe_axum::Auth;
use faroe_core::protocol::session::{DeleteAllSessions, DeleteAllSessionsErrorCode};

use crate::{
    app::App,
    message::Message,
    next::Next,
    page::Page,
    sign_in,
    visitor::{Member, Visitor},
};

const PAGE: &str = "/settings";

/// The pages that a visitor can ask for before they sign in.
pub(crate) const PAGES: [&str; 4] = [
    PAGE,
    email_address::FIRST_PAGE,
    password::FIRST_PAGE,
    delete_account::PAGE,
];

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(PAGE, get(settings_page))
        .route("/settings/sign-out-everywhere", post(sign_out_everywhere))
        .merge(email_address::routes())
        .merge(password::routes())
        .merge(delete_account::routes())
}

#[derive(Debug, Template)]
#[template(path = "settings/overview.html")]
struct SettingsPage {
    visitor: Visitor,
    email_address: String,
}

async fn settings_page(member: Member) -> Page<SettingsPage> {
    Page(SettingsPage {
        visitor: member.visitor,
        email_address: member.email_address,
    })
}

async fn sign_out_everywhere(auth: Auth, member: Member) -> Result<Next, Next> {
    let delete = DeleteAllSessions {
        session_token: member.session_token,
    };
    match auth.invoke(delete).await.map_err(Next::back_to(PAGE))? {
        // An invalid token means that the session has already ended.
        Ok(_) | Err(DeleteAllSessionsErrorCode::InvalidSessionToken) => {}
        // A code of a later version.
        Err(_) => return Err(Next::page(PAGE).telling(Message::Failed { reference: None })),
    }
    Ok(Next::page(sign_in::PAGE)
        .telling(Message::SignedOutEverywhere)
        .with(auth.remove_session_cookie()))
}

/// Redirects to the sign-in page, because the session has ended in the meantime.
fn signed_out() -> Next {
    Next::page(sign_in::PAGE).telling(Message::SignedOutMeanwhile)
}
