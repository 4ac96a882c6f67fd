//! The server that was built beside us, in development mode, and its one user.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    connection::{Connection, get, post},
    server_process::ServerProcess,
};

pub(crate) const ADDRESS: &str = "bench@example.com";
pub(crate) const PASSWORD: &str = "a bench of oak, quite long";

/// Where a server keeps what it needs.
pub(crate) const STORAGE_IN_MEMORY: &str = "memory:";
pub(crate) const STORAGE_IN_SQLITE: &str = "sqlite:storage.sqlite3";

/// Starts it in this folder, with users in a file of SQLite there, and these settings besides.
pub(crate) async fn start(folder: &Path, storage: &str, settings: &str) -> Result<ServerProcess> {
    let places = format!(
        "storage = \"{storage}\"\nuser_store = \"sqlite:users.sqlite3\"\nlog = \"error\"\n"
    );
    fs::write(folder.join("faroe.toml"), places + settings)?;
    let executable = env::current_exe()?.with_file_name("faroe-server");
    let mut command = Command::new(executable);
    command
        .args(["--config", "faroe.toml", "--listen", "127.0.0.1:0"])
        .current_dir(folder);
    ServerProcess::start(command).await
}

/// Invokes an action that has to succeed, and returns its values.
pub(crate) async fn invoke(
    connection: &mut Connection,
    action: &str,
    arguments: Value,
) -> Result<Value> {
    let request = post(&json!({"action": action, "arguments": arguments}).to_string());
    let answer: Value = serde_json::from_slice(connection.exchange(&request).await?)?;
    ensure!(
        answer["ok"] == true,
        "{action} answered {}",
        answer["error_code"]
    );
    Ok(answer["values"].clone())
}

/// Signs the user up, and returns the token of its session.
pub(crate) async fn sign_up(server: &ServerProcess) -> Result<String> {
    let connection = &mut Connection::open(server.address).await?;
    let address = json!({"email_address": ADDRESS});
    let signup = invoke(connection, "create_signup", address).await?;
    let token = &signup["signup_token"];
    let emails = connection
        .exchange(&get(&format!("/dev/emails?to={ADDRESS}")))
        .await?;
    let emails: Value = serde_json::from_slice(emails)?;
    let code = &emails[0]["code"];
    let verification = json!({"signup_token": token, "email_address_verification_code": code});
    let verify = "verify_signup_email_address_verification_code";
    invoke(connection, verify, verification).await?;
    let password = json!({"signup_token": token, "password": PASSWORD});
    invoke(connection, "set_signup_password", password).await?;
    let session = invoke(
        connection,
        "complete_signup",
        json!({"signup_token": token}),
    )
    .await?;
    Ok(session["session_token"]
        .as_str()
        .context("a sign-up without a session")?
        .to_owned())
}
