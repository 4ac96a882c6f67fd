//! Run it with `cargo run -p example-embed-in-axum`, open <http://localhost:4006> and sign up: the code is printed here.
//!
//! The fields of each form are arguments of an action. A cookie carries the token of the sign-up or sign-in.

use std::{env, sync::Arc};

use axum::{
    Form, Router,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use faroe::{
    Server, ServerAction, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    argon2::Argon2id,
    axum::{Auth, AuthOptions, SetCookie, SignedIn, Unavailable},
    email::{EmailContent, EmailMessage, EmailSender},
    error::AdapterError,
    password_strength::PasswordStrength,
    protocol::{action::ErrorCode, secret::*, signin::*, signup::*},
    storage_memory::MemoryStorage,
    user_store_sqlite::SqliteUserStore,
};
use serde::Deserialize;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // For http://localhost. On https it is AuthOptions::default().
    let options = AuthOptions::development().with_sign_in_page("/sign-in");
    let auth = Auth::new(server().await?, options);
    let app = Router::new()
        .route("/", get(home))
        .route("/sign-up", get(Html(SIGN_UP)).post(sign_up))
        .route("/sign-up/code", post(enter_code))
        .route("/sign-up/password", post(set_password))
        .route("/sign-in", get(Html(SIGN_IN)).post(sign_in))
        .route("/sign-in/password", post(enter_password))
        .route("/sign-out", post(sign_out))
        .layer(auth);
    let address = env::args().nth(1).unwrap_or("127.0.0.1:4006".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// The auth server, with users in a file and everything else in memory.
async fn server() -> Result<Server, Box<dyn std::error::Error>> {
    let parts = ServerParts::new(
        Storages::single(MemoryStorage::default()),
        Arc::new(SqliteUserStore::connect("users.sqlite3").await?),
        UserPasswordHashAlgorithms::new(Arc::new(Argon2id::recommended_for_user_passwords())),
        Arc::new(Argon2id::recommended_for_temporary_passwords()),
        Arc::new(Printed),
    );
    let mut options = ServerOptions::default();
    options.password_strength_checker = Arc::new(PasswordStrength::default());
    Ok(Server::new(parts, options)?)
}

/// The protected page. Redirects visitors who are not signed in to the sign-in page.
async fn home(SignedIn { session, .. }: SignedIn) -> Html<String> {
    Html(format!("You are user {}. {SIGN_OUT}", session.user_id))
}

async fn sign_up(auth: Auth, Form(action): Form<CreateSignup>) -> Result<NextForm, Response> {
    let token = invoke(&auth, action).await?.signup_token;
    Ok((keep(&auth, token.expose()), Html(CODE)))
}

#[derive(Deserialize)]
struct CodeForm {
    code: EmailAddressVerificationCode,
}

async fn enter_code(
    auth: Auth,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Result<Html<&'static str>, Response> {
    let verify = VerifySignupEmailAddressVerificationCode {
        signup_token: kept(&auth, &headers),
        email_address_verification_code: form.code,
    };
    invoke(&auth, verify).await?;
    Ok(Html(NEW_PASSWORD))
}

#[derive(Deserialize)]
struct PasswordForm {
    password: Password,
}

async fn set_password(
    auth: Auth,
    headers: HeaderMap,
    Form(PasswordForm { password }): Form<PasswordForm>,
) -> Result<SignedInNow, Response> {
    let signup_token: SignupToken = kept(&auth, &headers);
    let set = SetSignupPassword {
        signup_token: signup_token.clone(),
        password,
    };
    invoke(&auth, set).await?;
    let completed = invoke(&auth, CompleteSignup::new(signup_token)).await?;
    Ok(signed_in(&auth, &completed.session_token))
}

async fn sign_in(auth: Auth, Form(action): Form<CreateSignin>) -> Result<NextForm, Response> {
    let token = invoke(&auth, action).await?.signin_token;
    Ok((keep(&auth, token.expose()), Html(PASSWORD)))
}

async fn enter_password(
    auth: Auth,
    headers: HeaderMap,
    Form(PasswordForm { password }): Form<PasswordForm>,
) -> Result<SignedInNow, Response> {
    let signin_token: SigninToken = kept(&auth, &headers);
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password,
    };
    invoke(&auth, verify).await?;
    let completed = invoke(&auth, CompleteSignin { signin_token }).await?;
    Ok(signed_in(&auth, &completed.session_token))
}

/// The next form of a sign-up or sign-in, and the cookie with its token.
type NextForm = (SetCookie, Html<&'static str>);

/// The cookies of a new session and of the flow that has ended. The session that the browser had before ends.
type SignedInNow = (SetCookie, SetCookie, Redirect);

fn signed_in(auth: &Auth, session_token: &SessionToken) -> SignedInNow {
    let (session, flow) = (
        auth.session_cookie(session_token),
        auth.cookies().remove(FLOW),
    );
    (session, flow, Redirect::to("/"))
}

/// The name of the cookie with the token of a sign-up or sign-in. No page contains a token.
const FLOW: &str = "flow";

fn keep(auth: &Auth, token: &str) -> SetCookie {
    auth.cookies().set(FLOW, token, None)
}

/// Returns the token of the flow. Without the cookie it is empty, and so invalid.
fn kept<T: From<String>>(auth: &Auth, headers: &HeaderMap) -> T {
    auth.cookies().get(headers, FLOW).unwrap_or_default().into()
}

async fn sign_out(auth: Auth, signed_in: SignedIn) -> Result<(SetCookie, Redirect), Unavailable> {
    Ok((auth.sign_out(signed_in).await?, Redirect::to("/")))
}

/// Invokes an action. A refusal shows the action's error code.
async fn invoke<A: ServerAction>(auth: &Auth, action: A) -> Result<A::Values, Response> {
    let answer = auth.invoke(action).await;
    let answer = answer.map_err(IntoResponse::into_response)?;
    answer.map_err(|code| (StatusCode::UNPROCESSABLE_ENTITY, code.as_str()).into_response())
}

const SIGN_UP: &str = "<form method=post>Your address: <input name=email_address></form>";
const SIGN_IN: &str = "<form method=post>Your address: <input name=user_email_address></form>
<a href=/sign-up>Sign up</a>";
const SIGN_OUT: &str = "<form method=post action=/sign-out><button>Sign out</button></form>";
const CODE: &str = "<form method=post action=/sign-up/code>Your code: <input name=code></form>";
const NEW_PASSWORD: &str = "<form method=post action=/sign-up/password>
Your new password: <input name=password type=password></form>";
const PASSWORD: &str = "<form method=post action=/sign-in/password>
Your password: <input name=password type=password></form>";

/// Prints emails. Replace it with your own sender.
#[derive(Debug)]
struct Printed;

#[async_trait::async_trait]
impl EmailSender for Printed {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        if let EmailContent::SignupEmailAddressVerificationCode { code } = message.content {
            println!("code for {}: {}", message.to, code.expose());
        }
        Ok(())
    }
}
