//! Run it with `DATABASE_URL=redis://127.0.0.1:6379 cargo run -p example-redis`, and sign up at <http://127.0.0.1:4003> as
//! the README shows. Any number of servers can share the Redis, Valkey or (with `redis+cluster://`) Redis Cluster.

use std::{env, sync::Arc};

use faroe_argon2::Argon2id;
use faroe_axum::endpoint::ActionInvocationEndpoint;
use faroe_core::{
    Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    email::{EmailContent, EmailMessage, EmailSender},
    error::AdapterError,
};
use faroe_password_strength::PasswordStrength;
use faroe_storage_redis::{Redis, RedisRateLimitStorage, RedisStorage};
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
    let url = env::var("DATABASE_URL").unwrap_or("redis://127.0.0.1:6379".to_owned());
    let redis = Redis::connect(&url).await?;
    let mut storages = Storages::single(RedisStorage::new(redis.clone()));
    storages.rate_limit = Arc::new(RedisRateLimitStorage::new(redis));
    let parts = ServerParts::new(
        storages,
        Arc::new(SqliteUserStore::connect("users.sqlite3").await?),
        UserPasswordHashAlgorithms::new(Arc::new(Argon2id::recommended_for_user_passwords())),
        Arc::new(Argon2id::recommended_for_temporary_passwords()),
        Arc::new(Printed),
    );
    let mut options = ServerOptions::default();
    options.password_strength_checker = Arc::new(PasswordStrength::default());
    let endpoint = ActionInvocationEndpoint::new(Server::new(parts, options)?);
    let address = env::args().nth(1).unwrap_or("127.0.0.1:4003".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, endpoint.into_router::<()>()).await?)
}
