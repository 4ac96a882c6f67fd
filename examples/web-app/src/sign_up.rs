//! Sign-up: an address, the code that was sent to it, a password.

use askama::Template;
use axum::{
    Form, Router,
    routing::{get, post},
};
use faroe_axum::Auth;
use faroe_core::protocol::{
    secret::SignupToken,
    signup::{
        CompleteSignup, CompleteSignupErrorCode, CreateSignup, CreateSignupErrorCode, GetSignup,
        GetSignupErrorCode, SendSignupEmailAddressVerificationCode,
        SendSignupEmailAddressVerificationCodeErrorCode, SetSignupPassword,
        SetSignupPasswordErrorCode, Signup, VerifySignupEmailAddressVerificationCode,
        VerifySignupEmailAddressVerificationCodeErrorCode,
    },
};

use crate::{
    app::App,
    field::Field,
    flow::{self, Flow},
    forms::{CodeForm, EmailAddressForm, PasswordForm},
    message::Message,
    next::{Next, answers},
    page::{FinishPage, Page},
    sign_in,
    visitor::Visitor,
};

pub(crate) const FIRST_PAGE: &str = "/sign-up";
const CODE_PAGE: &str = "/sign-up/code";
const PASSWORD_PAGE: &str = "/sign-up/password";
const FINISH_PAGE: &str = "/sign-up/finish";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(FIRST_PAGE, get(first_page).post(create))
        .route(CODE_PAGE, get(code_page).post(verify_code))
        .route("/sign-up/code/again", post(send_code_again))
        .route(PASSWORD_PAGE, get(password_page).post(set_password))
        .route(FINISH_PAGE, get(finish_page).post(finish))
}

#[derive(Debug, Template)]
#[template(path = "sign-up/email-address.html")]
struct FirstPage {
    visitor: Visitor,
}

async fn first_page(visitor: Visitor) -> Result<Page<FirstPage>, Next> {
    let visitor = visitor.only_guest()?;
    Ok(Page(FirstPage { visitor }))
}

async fn create(auth: Auth, Form(form): Form<EmailAddressForm>) -> Result<Next, Next> {
    let email_address = form.email_address()?;
    start(&auth, email_address)
        .await
        .map_err(|next| next.keeping(email_address))
}

async fn start(auth: &Auth, email_address: &str) -> Result<Next, Next> {
    let email_address = email_address.to_owned();
    let created = auth.invoke(CreateSignup { email_address }).await??;
    Ok(Next::page(CODE_PAGE).with(flow::enter(auth, &created.signup_token)))
}

/// Returns the page of the sign-up's current step.
fn page_of(signup: &Signup) -> &'static str {
    match (signup.email_address_verified, signup.password_set) {
        (false, _) => CODE_PAGE,
        (true, false) => PASSWORD_PAGE,
        (true, true) => FINISH_PAGE,
    }
}

/// Returns the sign-up if `page` is the page of its current step. Otherwise redirects to that page.
async fn signup_at(page: &str, auth: &Auth, signup_token: SignupToken) -> Result<Signup, Next> {
    let signup = auth.invoke(GetSignup { signup_token }).await??.signup;
    match page_of(&signup) {
        reached if reached == page => Ok(signup),
        other => Err(Next::page(other)),
    }
}

#[derive(Debug, Template)]
#[template(path = "sign-up/code.html")]
struct CodePage {
    visitor: Visitor,
    email_address: String,
}

async fn code_page(
    visitor: Visitor,
    auth: Auth,
    Flow(token): Flow<SignupToken>,
) -> Result<Page<CodePage>, Next> {
    let Signup { email_address, .. } = signup_at(CODE_PAGE, &auth, token).await?;
    Ok(Page(CodePage {
        visitor,
        email_address,
    }))
}

async fn verify_code(
    auth: Auth,
    Flow(signup_token): Flow<SignupToken>,
    Form(form): Form<CodeForm>,
) -> Result<Next, Next> {
    let verify = VerifySignupEmailAddressVerificationCode {
        signup_token,
        email_address_verification_code: form.code()?,
    };
    auth.invoke(verify).await??;
    Ok(Next::page(PASSWORD_PAGE))
}

async fn send_code_again(auth: Auth, Flow(signup_token): Flow<SignupToken>) -> Result<Next, Next> {
    let send = SendSignupEmailAddressVerificationCode { signup_token };
    auth.invoke(send)
        .await
        .map_err(Next::back_to(CODE_PAGE))??;
    Ok(Next::page(CODE_PAGE).telling(Message::CodeSent))
}

#[derive(Debug, Template)]
#[template(path = "sign-up/password.html")]
struct PasswordPage {
    visitor: Visitor,
    email_address: String,
}

async fn password_page(
    visitor: Visitor,
    auth: Auth,
    Flow(token): Flow<SignupToken>,
) -> Result<Page<PasswordPage>, Next> {
    let Signup { email_address, .. } = signup_at(PASSWORD_PAGE, &auth, token).await?;
    Ok(Page(PasswordPage {
        visitor,
        email_address,
    }))
}

async fn set_password(
    auth: Auth,
    Flow(signup_token): Flow<SignupToken>,
    Form(form): Form<PasswordForm>,
) -> Result<Next, Next> {
    let set = SetSignupPassword {
        signup_token: signup_token.clone(),
        password: form.new_password(),
    };
    auth.invoke(set).await??;
    complete(&auth, signup_token).await
}

/// Shows the page for a sign-up whose last step has failed.
async fn finish_page(
    visitor: Visitor,
    auth: Auth,
    Flow(token): Flow<SignupToken>,
) -> Result<Page<FinishPage>, Next> {
    signup_at(FINISH_PAGE, &auth, token).await?;
    Ok(Page(FinishPage {
        visitor,
        done: "Your address is confirmed and your password is set.",
        action: FINISH_PAGE,
        button: "Create my account",
    }))
}

async fn finish(auth: Auth, Flow(signup_token): Flow<SignupToken>) -> Result<Next, Next> {
    complete(&auth, signup_token).await
}

async fn complete(auth: &Auth, signup_token: SignupToken) -> Result<Next, Next> {
    let completed = auth
        .invoke(CompleteSignup::new(signup_token))
        .await
        .map_err(Next::back_to(FINISH_PAGE))??;
    Ok(Next::page("/")
        .telling(Message::SignedUp)
        .with(auth.session_cookie(&completed.session_token))
        .with(flow::leave::<SignupToken>(auth)))
}

fn ended() -> Next {
    Next::page(FIRST_PAGE).telling(Message::SignUpEnded)
}

answers! {
    CreateSignupErrorCode {
        EmailAddressAlreadyUsed => Next::stay(Message::EmailAddressUsed),
        EmailAddressNotAllowed => Next::stay(Message::EmailAddressNotAllowed),
        InvalidEmailAddress => Next::stay(Message::EmailAddressInvalid),
        RateLimited => Next::stay(Message::TooManyEmails),
    }
    GetSignupErrorCode {
        InvalidSignupToken => ended(),
    }
    SendSignupEmailAddressVerificationCodeErrorCode {
        EmailAddressAlreadyVerified => Next::page(PASSWORD_PAGE),
        InvalidSignupToken => ended(),
        RateLimited => Next::page(CODE_PAGE).telling(Message::CodeNotSent),
    }
    VerifySignupEmailAddressVerificationCodeErrorCode {
        EmailAddressAlreadyVerified => Next::page(PASSWORD_PAGE),
        IncorrectEmailAddressVerificationCode => Next::stay(Message::CodeIncorrect),
        InvalidSignupToken => ended(),
        RateLimited => Next::stay(Message::TooManyCodes),
    }
    SetSignupPasswordErrorCode {
        EmailAddressNotVerified => Next::page(CODE_PAGE),
        InvalidPasswordLength => Next::stay(Message::PasswordLength),
        InvalidSignupToken => ended(),
        PasswordAlreadySet => Next::page(FINISH_PAGE),
        WeakPassword => Next::stay(Message::PasswordWeak),
    }
    CompleteSignupErrorCode {
        EmailAddressNotVerified => Next::page(CODE_PAGE),
        InvalidSignupToken => ended(),
        InvalidUserFields => Next::page(FINISH_PAGE).telling(Message::Failed { reference: None }),
        PasswordNotSet => Next::page(PASSWORD_PAGE),
        SessionNotCreated => Next::page(sign_in::PAGE).telling(Message::SignedUpButSignedOut),
    }
}
