//! Changing the address: the new address, the code sent to it, and the password.

use askama::Template;
use axum::{
    Form, Router,
    routing::{get, post},
};
use faroe_axum::Auth;
use faroe_core::protocol::{
    secret::{SessionToken, UserEmailAddressUpdateToken},
    user_email_address_update::{
        CompleteUserEmailAddressUpdate, CompleteUserEmailAddressUpdateErrorCode,
        CreateUserEmailAddressUpdate, CreateUserEmailAddressUpdateErrorCode,
        GetUserEmailAddressUpdate, GetUserEmailAddressUpdateErrorCode,
        SendUserEmailAddressUpdateEmailAddressVerificationCode,
        SendUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode, UserEmailAddressUpdate,
        VerifyUserEmailAddressUpdateEmailAddressVerificationCode,
        VerifyUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode,
        VerifyUserEmailAddressUpdateUserPassword,
        VerifyUserEmailAddressUpdateUserPasswordErrorCode,
    },
};

use super::{PAGE, signed_out};
use crate::{
    app::App,
    field::Field,
    flow::{self, Flow},
    forms::{CodeForm, EmailAddressForm, PasswordForm},
    message::Message,
    next::{Next, answers},
    page::{FinishPage, Page},
    visitor::{Member, Visitor},
};

pub(crate) const FIRST_PAGE: &str = "/settings/email-address";
const CODE_PAGE: &str = "/settings/email-address/code";
const PASSWORD_PAGE: &str = "/settings/email-address/password";
const FINISH_PAGE: &str = "/settings/email-address/finish";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(FIRST_PAGE, get(first_page).post(create))
        .route(CODE_PAGE, get(code_page).post(verify_code))
        .route("/settings/email-address/code/again", post(send_code_again))
        .route(PASSWORD_PAGE, get(password_page).post(verify_password))
        .route(FINISH_PAGE, get(finish_page).post(finish))
}

#[derive(Debug, Template)]
#[template(path = "settings/email-address.html")]
struct FirstPage {
    visitor: Visitor,
    email_address: String,
}

async fn first_page(member: Member) -> Page<FirstPage> {
    Page(FirstPage {
        visitor: member.visitor,
        email_address: member.email_address,
    })
}

async fn create(
    auth: Auth,
    member: Member,
    Form(form): Form<EmailAddressForm>,
) -> Result<Next, Next> {
    let email_address = form.email_address()?;
    start(&auth, member.session_token, email_address)
        .await
        .map_err(|next| next.keeping(email_address))
}

async fn start(
    auth: &Auth,
    session_token: SessionToken,
    email_address: &str,
) -> Result<Next, Next> {
    let create = CreateUserEmailAddressUpdate {
        session_token,
        new_email_address: email_address.to_owned(),
    };
    let created = auth.invoke(create).await??;
    let cookie = flow::enter(auth, &created.user_email_address_update_token);
    Ok(Next::page(CODE_PAGE).with(cookie))
}

/// Returns the page of the current step.
fn page_of(update: &UserEmailAddressUpdate) -> &'static str {
    match (
        update.new_email_address_verified,
        update.user_identity_verified,
    ) {
        (false, _) => CODE_PAGE,
        (true, false) => PASSWORD_PAGE,
        (true, true) => FINISH_PAGE,
    }
}

/// Returns the change of address if `page` is the page of its current step. Otherwise redirects to that page.
async fn update_at(
    page: &str,
    auth: &Auth,
    session_token: SessionToken,
    user_email_address_update_token: UserEmailAddressUpdateToken,
) -> Result<UserEmailAddressUpdate, Next> {
    let get = GetUserEmailAddressUpdate {
        session_token,
        user_email_address_update_token,
    };
    let update = auth.invoke(get).await??.user_email_address_update;
    match page_of(&update) {
        reached if reached == page => Ok(update),
        other => Err(Next::page(other)),
    }
}

#[derive(Debug, Template)]
#[template(path = "settings/email-address-code.html")]
struct CodePage {
    visitor: Visitor,
    new_email_address: String,
}

async fn code_page(
    auth: Auth,
    member: Member,
    Flow(token): Flow<UserEmailAddressUpdateToken>,
) -> Result<Page<CodePage>, Next> {
    let update = update_at(CODE_PAGE, &auth, member.session_token, token).await?;
    Ok(Page(CodePage {
        visitor: member.visitor,
        new_email_address: update.new_email_address,
    }))
}

async fn verify_code(
    auth: Auth,
    member: Member,
    Flow(user_email_address_update_token): Flow<UserEmailAddressUpdateToken>,
    Form(form): Form<CodeForm>,
) -> Result<Next, Next> {
    let verify = VerifyUserEmailAddressUpdateEmailAddressVerificationCode {
        session_token: member.session_token,
        user_email_address_update_token,
        email_address_verification_code: form.code()?,
    };
    auth.invoke(verify).await??;
    Ok(Next::page(PASSWORD_PAGE))
}

async fn send_code_again(
    auth: Auth,
    member: Member,
    Flow(user_email_address_update_token): Flow<UserEmailAddressUpdateToken>,
) -> Result<Next, Next> {
    let send = SendUserEmailAddressUpdateEmailAddressVerificationCode {
        session_token: member.session_token,
        user_email_address_update_token,
    };
    auth.invoke(send)
        .await
        .map_err(Next::back_to(CODE_PAGE))??;
    Ok(Next::page(CODE_PAGE).telling(Message::CodeSent))
}

#[derive(Debug, Template)]
#[template(path = "settings/email-address-password.html")]
struct PasswordPage {
    visitor: Visitor,
    new_email_address: String,
}

async fn password_page(
    auth: Auth,
    member: Member,
    Flow(token): Flow<UserEmailAddressUpdateToken>,
) -> Result<Page<PasswordPage>, Next> {
    let update = update_at(PASSWORD_PAGE, &auth, member.session_token, token).await?;
    Ok(Page(PasswordPage {
        visitor: member.visitor,
        new_email_address: update.new_email_address,
    }))
}

async fn verify_password(
    auth: Auth,
    member: Member,
    Flow(user_email_address_update_token): Flow<UserEmailAddressUpdateToken>,
    Form(form): Form<PasswordForm>,
) -> Result<Next, Next> {
    let verify = VerifyUserEmailAddressUpdateUserPassword {
        session_token: member.session_token.clone(),
        user_email_address_update_token: user_email_address_update_token.clone(),
        password: form.current_password()?,
    };
    auth.invoke(verify).await??;
    complete(&auth, member.session_token, user_email_address_update_token).await
}

/// Shows the page for a change of address whose last step has failed.
async fn finish_page(
    auth: Auth,
    member: Member,
    Flow(token): Flow<UserEmailAddressUpdateToken>,
) -> Result<Page<FinishPage>, Next> {
    update_at(FINISH_PAGE, &auth, member.session_token, token).await?;
    Ok(Page(FinishPage {
        visitor: member.visitor,
        done: "Your new address is confirmed.",
        action: FINISH_PAGE,
        button: "Change my address",
    }))
}

async fn finish(
    auth: Auth,
    member: Member,
    Flow(token): Flow<UserEmailAddressUpdateToken>,
) -> Result<Next, Next> {
    complete(&auth, member.session_token, token).await
}

async fn complete(
    auth: &Auth,
    session_token: SessionToken,
    user_email_address_update_token: UserEmailAddressUpdateToken,
) -> Result<Next, Next> {
    let complete = CompleteUserEmailAddressUpdate {
        session_token,
        user_email_address_update_token,
    };
    auth.invoke(complete)
        .await
        .map_err(Next::back_to(FINISH_PAGE))??;
    Ok(Next::page(PAGE)
        .telling(Message::EmailAddressChanged)
        .with(flow::leave::<UserEmailAddressUpdateToken>(auth)))
}

fn ended() -> Next {
    Next::page(FIRST_PAGE).telling(Message::EmailChangeEnded)
}

answers! {
    CreateUserEmailAddressUpdateErrorCode {
        EmailAddressAlreadyUsed => Next::stay(Message::EmailAddressTaken),
        EmailAddressNotAllowed => Next::stay(Message::EmailAddressNotAllowed),
        InvalidEmailAddress => Next::stay(Message::EmailAddressInvalid),
        InvalidSessionToken => signed_out(),
        RateLimited => Next::stay(Message::TooManyEmails),
    }
    GetUserEmailAddressUpdateErrorCode {
        InvalidSessionToken => signed_out(),
        InvalidUserEmailAddressUpdateToken => ended(),
        SessionMismatch => ended(),
    }
    SendUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode {
        EmailAddressAlreadyVerified => Next::page(PASSWORD_PAGE),
        InvalidSessionToken => signed_out(),
        InvalidUserEmailAddressUpdateToken => ended(),
        RateLimited => Next::page(CODE_PAGE).telling(Message::CodeNotSent),
        SessionMismatch => ended(),
    }
    VerifyUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode {
        EmailAddressAlreadyVerified => Next::page(PASSWORD_PAGE),
        IncorrectEmailAddressVerificationCode => Next::stay(Message::CodeIncorrect),
        InvalidSessionToken => signed_out(),
        InvalidUserEmailAddressUpdateToken => ended(),
        RateLimited => Next::stay(Message::TooManyCodes),
        SessionMismatch => ended(),
    }
    VerifyUserEmailAddressUpdateUserPasswordErrorCode {
        EmailAddressNotVerified => Next::page(CODE_PAGE),
        IncorrectPassword => Next::stay(Message::PasswordIncorrect),
        InvalidSessionToken => signed_out(),
        InvalidUserEmailAddressUpdateToken => ended(),
        RateLimited => Next::stay(Message::TooManyPasswords),
        SessionMismatch => ended(),
        UserIdentityAlreadyVerified => Next::page(FINISH_PAGE),
    }
    CompleteUserEmailAddressUpdateErrorCode {
        EmailAddressNotVerified => Next::page(CODE_PAGE),
        InvalidSessionToken => signed_out(),
        InvalidUserEmailAddressUpdateToken => ended(),
        SessionMismatch => ended(),
        UserIdentityNotVerified => Next::page(PASSWORD_PAGE),
    }
}
