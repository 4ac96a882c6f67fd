//! A small website with accounts. Run it with `cargo run -p example-web-app -- --development`; see the README.

mod app;
mod development;
mod emails;
mod field;
mod flow;
mod forgot_password;
mod forms;
mod home;
mod message;
mod next;
mod page;
mod settings;
mod sign_in;
mod sign_up;
mod visitor;

use std::{
    error::Error,
    io::{IsTerminal, Write},
    net::SocketAddr,
    sync::Arc,
};

use clap::Parser;
use faroe_argon2::Argon2id;
use faroe_axum::{Auth, AuthOptions};
use faroe_core::{
    EmailAddressCase, Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    user_store::UserStore,
};
use faroe_password_strength::PasswordStrength;
use faroe_storage_sqlite::SqliteStorage;
use faroe_user_store_sqlite::SqliteUserStore;
use tokio::net::TcpListener;

use crate::{app::App, development::Mailbox, emails::Terminal};

/// A small website with accounts. Creates `users.sqlite3` and `storage.sqlite3` in the current folder.
#[derive(Debug, Parser)]
struct Options {
    /// Address to listen on.
    #[arg(default_value = "127.0.0.1:4100")]
    address: SocketAddr,
    /// Show emails on a page, and use cookies that every browser accepts on http://localhost.
    #[arg(long)]
    development: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let users: Arc<dyn UserStore> =
        Arc::new(SqliteUserStore::connect_ignoring_case("users.sqlite3").await?);
    let mailbox = options.development.then(Mailbox::default);
    let server = auth_server(Arc::clone(&users), Terminal::new(mailbox.clone())).await?;
    let auth_options = if options.development {
        AuthOptions::development()
    } else {
        AuthOptions::default()
    };
    let router = app::router(App { users, mailbox }, Auth::new(server, auth_options));

    let listener = TcpListener::bind(options.address).await?;
    let address = listener.local_addr()?;
    let host = if address.ip().is_loopback() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    writeln!(std::io::stdout(), "listening on http://{host}")?;
    Ok(axum::serve(listener, router).await?)
}

async fn auth_server(
    users: Arc<dyn UserStore>,
    terminal: Terminal,
) -> Result<Server, Box<dyn Error>> {
    let parts = ServerParts::new(
        Storages::single(SqliteStorage::connect("storage.sqlite3").await?),
        users,
        UserPasswordHashAlgorithms::new(Arc::new(Argon2id::recommended_for_user_passwords())),
        Arc::new(Argon2id::recommended_for_temporary_passwords()),
        Arc::new(terminal),
    );
    let mut options = ServerOptions::default();
    options.password_strength_checker = Arc::new(PasswordStrength::default());
    options.email_address_case = EmailAddressCase::Ignore;
    Ok(Server::new(parts, options)?)
}
