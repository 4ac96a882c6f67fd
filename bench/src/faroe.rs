//! The server that was built beside this program, in development mode, and its users.

use std::{env, ffi::OsStr, fs, net::SocketAddr, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    backend::Backend,
    connection::{Connection, get, post},
    server_process::ServerProcess,
};

pub(crate) const PASSWORD: &str = "a bench of oak, quite long";

/// The setting that removes the limits on sign-ins.
pub(crate) const SIGNINS_WITHOUT_LIMIT: &str = "
[rate_limits]
begun_flows = 2147483647
[rate_limits.create_signin]
capacity = 2147483647
interval = \"1ms\"
[rate_limits.verify_user_password]
capacity = 2147483647
interval = \"1ms\"
";

/// Starts the server with its data in this folder.
pub(crate) async fn start(
    folder: &Path,
    backend: Backend,
    settings: &str,
) -> Result<ServerProcess> {
    let server = Command::new(executable()?);
    ServerProcess::start(configure(server, folder, backend, settings)?).await
}

/// Starts the server likewise, with the log of the default level in the file `log` of the folder.
pub(crate) async fn start_with_log(
    folder: &Path,
    backend: Backend,
    settings: &str,
) -> Result<ServerProcess> {
    let mut server = Command::new(executable()?);
    server.stderr(fs::File::create(folder.join("log"))?);
    let mut server = configure(server, folder, backend, settings)?;
    server.env("FAROE_LOG", "info");
    ServerProcess::start(server).await
}

/// Returns the server program.
pub(crate) fn executable() -> Result<impl AsRef<OsStr>> {
    Ok(env::current_exe()?.with_file_name("faroe-server"))
}

/// Configures a command that runs the program as [`start`] does.
pub(crate) fn configure(
    mut command: Command,
    folder: &Path,
    backend: Backend,
    settings: &str,
) -> Result<Command> {
    fs::write(folder.join("faroe.toml"), settings)?;
    command
        .args(["--config", "faroe.toml", "--listen", "127.0.0.1:0"])
        .env("FAROE_LOG", "error")
        // Other users of the machine can read arguments, and the URL may hold a password.
        .env("FAROE_STORAGE", backend.storage()?)
        .env("FAROE_USER_STORE", backend.user_store()?)
        .current_dir(folder);
    Ok(command)
}

/// A user and their session.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) email_address: String,
    pub(crate) session_token: String,
}

/// Returns an address without a user. A database may hold users of earlier runs.
pub(crate) fn new_email_address() -> String {
    format!("bench-{}@example.com", faroe_core::random::id())
}

/// Begins a sign-up and verifies its address. Returns the token.
pub(crate) async fn verified_signup(
    connection: &mut Connection,
    email_address: &str,
) -> Result<Value> {
    let address = json!({"email_address": email_address});
    let mut signup = invoke(connection, "create_signup", address).await?;
    let token = signup["signup_token"].take();
    let emails = get(&format!("/dev/emails?to={email_address}"));
    let emails: Value = serde_json::from_slice(connection.exchange(&emails).await?)?;
    let code = &emails[0]["code"];
    let verification = json!({"signup_token": token, "email_address_verification_code": code});
    let verify = "verify_signup_email_address_verification_code";
    invoke(connection, verify, verification).await?;
    Ok(token)
}

impl User {
    /// Signs a new user up.
    pub(crate) async fn sign_up(server: SocketAddr) -> Result<Self> {
        let email_address = new_email_address();
        let connection = &mut Connection::open(server).await?;
        let token = verified_signup(connection, &email_address).await?;
        let password = json!({"signup_token": token, "password": PASSWORD});
        invoke(connection, "set_signup_password", password).await?;
        let complete = json!({"signup_token": token});
        let session = invoke(connection, "complete_signup", complete).await?;
        let session_token = session["session_token"].as_str();
        Ok(Self {
            email_address,
            session_token: session_token
                .context("sign-up without a session")?
                .to_owned(),
        })
    }

    /// Returns the request that checks the session.
    pub(crate) fn get_session(&self) -> Vec<u8> {
        request("get_session", &json!({"session_token": self.session_token}))
    }

    /// Returns the request that begins a sign-in.
    pub(crate) fn create_signin(&self) -> Vec<u8> {
        let arguments = json!({"user_email_address": self.email_address});
        request("create_signin", &arguments)
    }

    /// Returns the request that tries a wrong password. It can be sent any number of times, because the sign-in survives it.
    pub(crate) async fn wrong_password(&self, server: SocketAddr) -> Result<Vec<u8>> {
        let connection = &mut Connection::open(server).await?;
        let create = json!({"user_email_address": self.email_address});
        let signin = invoke(connection, "create_signin", create).await?;
        let password = format!("not {PASSWORD}");
        let verify = json!({"signin_token": signin["signin_token"], "password": password});
        Ok(request("verify_signin_user_password", &verify))
    }

    /// Signs the user in again.
    pub(crate) async fn sign_in(&self, connection: &mut Connection) -> Result<()> {
        let create = json!({"user_email_address": self.email_address});
        let signin = invoke(connection, "create_signin", create).await?;
        let token = &signin["signin_token"];
        let verify = json!({"signin_token": token, "password": PASSWORD});
        invoke(connection, "verify_signin_user_password", verify).await?;
        let complete = json!({"signin_token": token});
        invoke(connection, "complete_signin", complete).await?;
        Ok(())
    }
}

/// Returns the request that invokes an action.
pub(crate) fn request(action: &str, arguments: &Value) -> Vec<u8> {
    post(&json!({"action": action, "arguments": arguments}).to_string())
}

/// Invokes an action that must succeed, and returns its values.
pub(crate) async fn invoke(
    connection: &mut Connection,
    action: &str,
    arguments: Value,
) -> Result<Value> {
    let answer = connection.exchange(&request(action, &arguments)).await?;
    let mut answer: Value = serde_json::from_slice(answer)?;
    ensure!(
        answer["ok"] == true,
        "{action} answered {}",
        answer["error_code"]
    );
    Ok(answer["values"].take())
}
