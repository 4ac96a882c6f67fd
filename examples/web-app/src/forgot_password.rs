//! A forgotten password: an address, the temporary password that was sent to it, a new password.

use askama::Template;
use axum::{Form, Router, routing::get};
use faroe_axum::Auth;
use faroe_core::protocol::{
    secret::UserPasswordResetToken,
    user_password_reset::{
        CompleteUserPasswordReset, CompleteUserPasswordResetErrorCode, CreateUserPasswordReset,
        CreateUserPasswordResetErrorCode, GetUserPasswordReset, GetUserPasswordResetErrorCode,
        SetUserPasswordResetNewPassword, SetUserPasswordResetNewPasswordErrorCode,
        UserPasswordReset, VerifyUserPasswordResetTemporaryPassword,
        VerifyUserPasswordResetTemporaryPasswordErrorCode,
    },
};

use crate::{
    app::App,
    field::Field,
    flow::{self, Flow},
    forms::{EmailAddressForm, PasswordForm, TemporaryPasswordForm},
    message::Message,
    next::{Next, answers},
    page::{FinishPage, Page},
    sign_in,
    visitor::Visitor,
};

pub(crate) const FIRST_PAGE: &str = "/forgot-password";
const TEMPORARY_PASSWORD_PAGE: &str = "/forgot-password/temporary-password";
const NEW_PASSWORD_PAGE: &str = "/forgot-password/new-password";
const FINISH_PAGE: &str = "/forgot-password/finish";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(FIRST_PAGE, get(first_page).post(create))
        .route(
            TEMPORARY_PASSWORD_PAGE,
            get(temporary_password_page).post(verify),
        )
        .route(NEW_PASSWORD_PAGE, get(new_password_page).post(set_password))
        .route(FINISH_PAGE, get(finish_page).post(finish))
}

#[derive(Debug, Template)]
#[template(path = "forgot-password/email-address.html")]
struct FirstPage {
    visitor: Visitor,
}

/// Shows the first page. Users who are signed in can open it too: they may have forgotten their password.
async fn first_page(visitor: Visitor) -> Page<FirstPage> {
    Page(FirstPage { visitor })
}

async fn create(auth: Auth, Form(form): Form<EmailAddressForm>) -> Result<Next, Next> {
    let email_address = form.email_address()?;
    start(&auth, email_address)
        .await
        .map_err(|next| next.keeping(email_address))
}

async fn start(auth: &Auth, email_address: &str) -> Result<Next, Next> {
    let user_email_address = email_address.to_owned();
    let create = CreateUserPasswordReset { user_email_address };
    let created = auth.invoke(create).await??;
    let cookie = flow::enter(auth, &created.user_password_reset_token);
    Ok(Next::page(TEMPORARY_PASSWORD_PAGE).with(cookie))
}

/// Returns the page of the password reset's current step.
fn page_of(reset: &UserPasswordReset) -> &'static str {
    match (reset.user_first_factor_verified, reset.new_password_set) {
        (false, _) => TEMPORARY_PASSWORD_PAGE,
        (true, false) => NEW_PASSWORD_PAGE,
        (true, true) => FINISH_PAGE,
    }
}

/// Succeeds if `page` is the page of the current step. Otherwise redirects to that page.
async fn be_at(
    page: &str,
    auth: &Auth,
    user_password_reset_token: UserPasswordResetToken,
) -> Result<(), Next> {
    let get = GetUserPasswordReset {
        user_password_reset_token,
    };
    match page_of(&auth.invoke(get).await??.user_password_reset) {
        reached if reached == page => Ok(()),
        other => Err(Next::page(other)),
    }
}

#[derive(Debug, Template)]
#[template(path = "forgot-password/temporary-password.html")]
struct TemporaryPasswordPage {
    visitor: Visitor,
}

async fn temporary_password_page(
    visitor: Visitor,
    auth: Auth,
    Flow(token): Flow<UserPasswordResetToken>,
) -> Result<Page<TemporaryPasswordPage>, Next> {
    be_at(TEMPORARY_PASSWORD_PAGE, &auth, token).await?;
    Ok(Page(TemporaryPasswordPage { visitor }))
}

async fn verify(
    auth: Auth,
    Flow(user_password_reset_token): Flow<UserPasswordResetToken>,
    Form(form): Form<TemporaryPasswordForm>,
) -> Result<Next, Next> {
    let verify = VerifyUserPasswordResetTemporaryPassword {
        user_password_reset_token,
        temporary_password: form.temporary_password()?,
    };
    auth.invoke(verify).await??;
    Ok(Next::page(NEW_PASSWORD_PAGE))
}

#[derive(Debug, Template)]
#[template(path = "forgot-password/new-password.html")]
struct NewPasswordPage {
    visitor: Visitor,
}

async fn new_password_page(
    visitor: Visitor,
    auth: Auth,
    Flow(token): Flow<UserPasswordResetToken>,
) -> Result<Page<NewPasswordPage>, Next> {
    be_at(NEW_PASSWORD_PAGE, &auth, token).await?;
    Ok(Page(NewPasswordPage { visitor }))
}

async fn set_password(
    auth: Auth,
    Flow(user_password_reset_token): Flow<UserPasswordResetToken>,
    Form(form): Form<PasswordForm>,
) -> Result<Next, Next> {
    let set = SetUserPasswordResetNewPassword {
        user_password_reset_token: user_password_reset_token.clone(),
        password: form.new_password(),
    };
    auth.invoke(set).await??;
    complete(&auth, user_password_reset_token).await
}

/// Shows the page for a password reset whose last step has failed.
async fn finish_page(
    visitor: Visitor,
    auth: Auth,
    Flow(token): Flow<UserPasswordResetToken>,
) -> Result<Page<FinishPage>, Next> {
    be_at(FINISH_PAGE, &auth, token).await?;
    Ok(Page(FinishPage {
        visitor,
        done: "You have chosen a new password.",
        action: FINISH_PAGE,
        button: "Set my new password",
    }))
}

async fn finish(auth: Auth, Flow(token): Flow<UserPasswordResetToken>) -> Result<Next, Next> {
    complete(&auth, token).await
}

async fn complete(
    auth: &Auth,
    user_password_reset_token: UserPasswordResetToken,
) -> Result<Next, Next> {
    let complete = CompleteUserPasswordReset {
        user_password_reset_token,
    };
    let completed = auth
        .invoke(complete)
        .await
        .map_err(Next::back_to(FINISH_PAGE))??;
    Ok(Next::page("/")
        .telling(Message::PasswordReset)
        .with(auth.session_cookie(&completed.session_token))
        .with(flow::leave::<UserPasswordResetToken>(auth)))
}

fn ended() -> Next {
    Next::page(FIRST_PAGE).telling(Message::PasswordResetEnded)
}

answers! {
    CreateUserPasswordResetErrorCode {
        InvalidEmailAddress => Next::stay(Message::EmailAddressInvalid),
        RateLimited => Next::stay(Message::TooManyEmails),
        UserDisabled => Next::stay(Message::UserDisabled),
        UserNotFound => Next::stay(Message::EmailAddressUnknown),
    }
    GetUserPasswordResetErrorCode {
        InvalidUserPasswordResetToken => ended(),
    }
    VerifyUserPasswordResetTemporaryPasswordErrorCode {
        IncorrectTemporaryPassword => Next::stay(Message::TemporaryPasswordIncorrect),
        InvalidUserPasswordResetToken => ended(),
        RateLimited => Next::stay(Message::TooManyTemporaryPasswords),
        UserFirstFactorAlreadyVerified => Next::page(NEW_PASSWORD_PAGE),
    }
    SetUserPasswordResetNewPasswordErrorCode {
        InvalidPasswordLength => Next::stay(Message::PasswordLength),
        InvalidUserPasswordResetToken => ended(),
        NewPasswordAlreadySet => Next::page(FINISH_PAGE),
        UserFirstFactorNotVerified => Next::page(TEMPORARY_PASSWORD_PAGE),
        WeakPassword => Next::stay(Message::PasswordWeak),
    }
    CompleteUserPasswordResetErrorCode {
        InvalidUserPasswordResetToken => ended(),
        NewPasswordNotSet => Next::page(NEW_PASSWORD_PAGE),
        SessionNotCreated => Next::page(sign_in::PAGE).telling(Message::PasswordResetButSignedOut),
        UserFirstFactorNotVerified => Next::page(TEMPORARY_PASSWORD_PAGE),
    }
}
