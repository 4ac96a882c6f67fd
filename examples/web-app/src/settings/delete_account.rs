//! Deleting the account, confirmed with the password.

use askama::Template;
use axum::{Form, Router, routing::get};
use faroe_axum::Auth;
use faroe_core::protocol::user_deletion::{
    CompleteUserDeletion, CompleteUserDeletionErrorCode, CreateUserDeletion,
    CreateUserDeletionErrorCode, VerifyUserDeletionUserPassword,
    VerifyUserDeletionUserPasswordErrorCode,
};

use super::signed_out;
use crate::{
    app::App,
    field::Field,
    forms::PasswordForm,
    message::Message,
    next::{Next, answers},
    page::Page,
    visitor::{Member, Visitor},
};

pub(super) const PAGE: &str = "/settings/delete-account";

pub(crate) fn routes() -> Router<App> {
    Router::new().route(PAGE, get(page).post(delete))
}

#[derive(Debug, Template)]
#[template(path = "settings/delete-account.html")]
struct DeleteAccountPage {
    visitor: Visitor,
    email_address: String,
}

async fn page(member: Member) -> Page<DeleteAccountPage> {
    Page(DeleteAccountPage {
        visitor: member.visitor,
        email_address: member.email_address,
    })
}

/// Runs the whole flow at once, so that the deletion token never leaves this process.
async fn delete(
    auth: Auth,
    Member { session_token, .. }: Member,
    Form(form): Form<PasswordForm>,
) -> Result<Next, Next> {
    let password = form.current_password()?;
    let create = CreateUserDeletion {
        session_token: session_token.clone(),
    };
    let user_deletion_token = auth.invoke(create).await??.user_deletion_token;
    let verify = VerifyUserDeletionUserPassword {
        session_token: session_token.clone(),
        user_deletion_token: user_deletion_token.clone(),
        password,
    };
    auth.invoke(verify).await??;
    let complete = CompleteUserDeletion {
        session_token,
        user_deletion_token,
    };
    auth.invoke(complete).await??;
    Ok(Next::page("/")
        .telling(Message::AccountDeleted)
        .with(auth.remove_session_cookie()))
}

fn ended() -> Next {
    Next::stay(Message::DeletionEnded)
}

answers! {
    CreateUserDeletionErrorCode {
        InvalidSessionToken => signed_out(),
    }
    VerifyUserDeletionUserPasswordErrorCode {
        IncorrectPassword => Next::stay(Message::PasswordIncorrect),
        InvalidSessionToken => signed_out(),
        InvalidUserDeletionToken => ended(),
        RateLimited => Next::stay(Message::TooManyPasswords),
        SessionMismatch => ended(),
        UserIdentityAlreadyVerified => ended(),
    }
    CompleteUserDeletionErrorCode {
        InvalidSessionToken => signed_out(),
        InvalidUserDeletionToken => ended(),
        SessionMismatch => ended(),
        UserIdentityNotVerified => ended(),
    }
}
