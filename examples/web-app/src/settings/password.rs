//! Changing the password: the current password, and the new one.

use askama::Template;
use axum::{Form, Router, routing::get};
use faroe_axum::Auth;
use faroe_core::protocol::{
    secret::{SessionToken, UserPasswordUpdateToken},
    user_password_update::{
        CompleteUserPasswordUpdate, CompleteUserPasswordUpdateErrorCode, CreateUserPasswordUpdate,
        CreateUserPasswordUpdateErrorCode, GetUserPasswordUpdate, GetUserPasswordUpdateErrorCode,
        SetUserPasswordUpdateNewPassword, SetUserPasswordUpdateNewPasswordErrorCode,
        UserPasswordUpdate, VerifyUserPasswordUpdateUserPassword,
        VerifyUserPasswordUpdateUserPasswordErrorCode,
    },
};

use super::{PAGE, signed_out};
use crate::{
    app::App,
    field::Field,
    flow::{self, Flow},
    forms::PasswordForm,
    message::Message,
    next::{Next, answers},
    page::{FinishPage, Page},
    visitor::{Member, Visitor},
};

pub(crate) const FIRST_PAGE: &str = "/settings/password";
const NEW_PASSWORD_PAGE: &str = "/settings/password/new";
const FINISH_PAGE: &str = "/settings/password/finish";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(FIRST_PAGE, get(first_page).post(create))
        .route(NEW_PASSWORD_PAGE, get(new_password_page).post(set_password))
        .route(FINISH_PAGE, get(finish_page).post(finish))
}

#[derive(Debug, Template)]
#[template(path = "settings/password.html")]
struct FirstPage {
    visitor: Visitor,
}

async fn first_page(member: Member) -> Page<FirstPage> {
    Page(FirstPage {
        visitor: member.visitor,
    })
}

/// Starts the change and verifies the current password at once, so that no unverified change exists.
async fn create(
    auth: Auth,
    Member { session_token, .. }: Member,
    Form(form): Form<PasswordForm>,
) -> Result<Next, Next> {
    let password = form.current_password()?;
    let create = CreateUserPasswordUpdate {
        session_token: session_token.clone(),
    };
    let token = auth.invoke(create).await??.user_password_update_token;
    let verify = VerifyUserPasswordUpdateUserPassword {
        session_token,
        user_password_update_token: token.clone(),
        password,
    };
    auth.invoke(verify).await??;
    Ok(Next::page(NEW_PASSWORD_PAGE).with(flow::enter(&auth, &token)))
}

/// Returns the page of the current step.
fn page_of(update: &UserPasswordUpdate) -> &'static str {
    match (update.user_identity_verified, update.new_password_set) {
        (false, _) => FIRST_PAGE,
        (true, false) => NEW_PASSWORD_PAGE,
        (true, true) => FINISH_PAGE,
    }
}

/// Succeeds if `page` is the page of the current step. Otherwise redirects to that page.
async fn be_at(
    page: &str,
    auth: &Auth,
    session_token: SessionToken,
    user_password_update_token: UserPasswordUpdateToken,
) -> Result<(), Next> {
    let get = GetUserPasswordUpdate {
        session_token,
        user_password_update_token,
    };
    match page_of(&auth.invoke(get).await??.user_password_update) {
        reached if reached == page => Ok(()),
        other => Err(Next::page(other)),
    }
}

#[derive(Debug, Template)]
#[template(path = "settings/new-password.html")]
struct NewPasswordPage {
    visitor: Visitor,
    email_address: String,
}

async fn new_password_page(
    auth: Auth,
    member: Member,
    Flow(token): Flow<UserPasswordUpdateToken>,
) -> Result<Page<NewPasswordPage>, Next> {
    be_at(NEW_PASSWORD_PAGE, &auth, member.session_token, token).await?;
    Ok(Page(NewPasswordPage {
        visitor: member.visitor,
        email_address: member.email_address,
    }))
}

async fn set_password(
    auth: Auth,
    member: Member,
    Flow(user_password_update_token): Flow<UserPasswordUpdateToken>,
    Form(form): Form<PasswordForm>,
) -> Result<Next, Next> {
    let set = SetUserPasswordUpdateNewPassword {
        session_token: member.session_token.clone(),
        user_password_update_token: user_password_update_token.clone(),
        password: form.new_password(),
    };
    auth.invoke(set).await??;
    complete(&auth, member.session_token, user_password_update_token).await
}

/// Shows the page for a change of password whose last step has failed.
async fn finish_page(
    auth: Auth,
    member: Member,
    Flow(token): Flow<UserPasswordUpdateToken>,
) -> Result<Page<FinishPage>, Next> {
    be_at(FINISH_PAGE, &auth, member.session_token, token).await?;
    Ok(Page(FinishPage {
        visitor: member.visitor,
        done: "You have chosen a new password.",
        action: FINISH_PAGE,
        button: "Change my password",
    }))
}

async fn finish(
    auth: Auth,
    member: Member,
    Flow(token): Flow<UserPasswordUpdateToken>,
) -> Result<Next, Next> {
    complete(&auth, member.session_token, token).await
}

async fn complete(
    auth: &Auth,
    session_token: SessionToken,
    user_password_update_token: UserPasswordUpdateToken,
) -> Result<Next, Next> {
    let complete = CompleteUserPasswordUpdate {
        session_token,
        user_password_update_token,
    };
    auth.invoke(complete)
        .await
        .map_err(Next::back_to(FINISH_PAGE))??;
    Ok(Next::page(PAGE)
        .telling(Message::PasswordChanged)
        .with(flow::leave::<UserPasswordUpdateToken>(auth)))
}

fn ended() -> Next {
    Next::page(FIRST_PAGE).telling(Message::PasswordChangeEnded)
}

answers! {
    CreateUserPasswordUpdateErrorCode {
        InvalidSessionToken => signed_out(),
    }
    GetUserPasswordUpdateErrorCode {
        InvalidPasswordUpdateToken => ended(),
        InvalidSessionToken => signed_out(),
        SessionMismatch => ended(),
    }
    VerifyUserPasswordUpdateUserPasswordErrorCode {
        IncorrectPassword => Next::stay(Message::PasswordIncorrect),
        InvalidPasswordUpdateToken => ended(),
        InvalidSessionToken => signed_out(),
        RateLimited => Next::stay(Message::TooManyPasswords),
        SessionMismatch => ended(),
        UserIdentityAlreadyVerified => ended(),
    }
    SetUserPasswordUpdateNewPasswordErrorCode {
        InvalidPasswordLength => Next::stay(Message::PasswordLength),
        InvalidPasswordUpdateToken => ended(),
        InvalidSessionToken => signed_out(),
        NewPasswordAlreadySet => Next::page(FINISH_PAGE),
        SessionMismatch => ended(),
        UserIdentityNotVerified => ended(),
        WeakPassword => Next::stay(Message::PasswordWeak),
    }
    CompleteUserPasswordUpdateErrorCode {
        InvalidPasswordUpdateToken => ended(),
        InvalidSessionToken => signed_out(),
        NewPasswordNotSet => Next::page(NEW_PASSWORD_PAGE),
        SessionMismatch => ended(),
        UserIdentityNotVerified => ended(),
    }
}
