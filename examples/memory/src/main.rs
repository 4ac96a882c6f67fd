//! Run it with `cargo run -p example-memory`, and sign up at <http://127.0.0.1:4002> as the README shows.
//!
//! The server's data is lost when it exits, and users sign in again. Memory works for a single server only.

use std::{env, sync::Arc};

use faroe_argon2::Argon2id;
use faroe_axum::endpoint::ActionInvocationEndpoint;
use faroe_core::{
    Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    email::{EmailContent, EmailMessage, EmailSender},
    error::AdapterError,
};
use faroe_password_strength::PasswordStrength;
use faroe_storage_memory::{MemoryOptions, MemoryStorage};
use faroe_user_store_sqlite::SqliteUserStore;

/// Prints emails. Replace it with your own sender.
#[derive(Debug)]
struct Printed;

#[async_trait::async_trait]
impl EmailSender for Printed {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        match message.content {
            EmailContent::SignupEmailAddressVerificationCode { code } => {
                println!("code for {}: {}", message.to, code.expose());
            }
            content => println!("{} for {}", content.type_name(), message.to),
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parts = ServerParts::new(
        Storages::single(MemoryStorage::new(MemoryOptions::default())),
        Arc::new(SqliteUserStore::connect("users.sqlite3").await?),
        UserPasswordHashAlgorithms::new(Arc::new(Argon2id::recommended_for_user_passwords())),
        Arc::new(Argon2id::recommended_for_temporary_passwords()),
        Arc::new(Printed),
    );
    let mut options = ServerOptions::default();
    options.password_strength_checker = Arc::new(PasswordStrength::default());
    let endpoint = ActionInvocationEndpoint::new(Server::new(parts, options)?);
    let address = env::args().nth(1).unwrap_or("127.0.0.1:4002".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, endpoint.into_router::<()>()).await?)
}
