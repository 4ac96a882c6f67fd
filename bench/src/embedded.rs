//! A server in this process, and its one user.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use async_trait::async_trait;
use faroe_core::{
    RateLimit, RateLimits, Server, ServerOptions, ServerParts, Storages,
    UserPasswordHashAlgorithms,
    email::{EmailMessage, EmailSender},
    error::AdapterError,
    password::{PasswordHash, PasswordHashAlgorithm},
    protocol::{
        secret::SessionToken,
        signin::{CompleteSignin, CreateSignin, VerifySigninUserPassword},
    },
    user_store::{CreateUserOutcome, UserStore},
};
use faroe_testkit::user_store::ReferenceUserStore;

use crate::faroe::{ADDRESS, PASSWORD};

/// A server without limits on passwords, whose user's password this algorithm has hashed.
pub(crate) async fn server(
    algorithm: Arc<dyn PasswordHashAlgorithm>,
    storages: Storages,
    options: ServerOptions,
) -> Result<Server> {
    let users = ReferenceUserStore::default();
    let salt = vec![7; algorithm.salt_size()];
    let hash = PasswordHash {
        algorithm_id: algorithm.id().to_owned(),
        hash: algorithm.hash(PASSWORD.as_bytes(), &salt)?.into(),
        salt: salt.into(),
    };
    let CreateUserOutcome::Created(_) = users.create_user(ADDRESS, &hash).await? else {
        bail!("the address is taken")
    };
    let parts = ServerParts {
        storages,
        user_store: Arc::new(users),
        user_password_hash_algorithms: UserPasswordHashAlgorithms {
            current: Arc::clone(&algorithm),
            previous: Vec::new(),
        },
        temporary_password_hash_algorithm: algorithm,
        email_sender: Arc::new(Nowhere),
    };
    let never = RateLimit {
        capacity: u32::MAX,
        interval: Duration::from_millis(1),
    };
    let options = ServerOptions {
        rate_limits: RateLimits {
            verify_user_password: never,
            ..RateLimits::default()
        },
        ..options
    };
    Ok(Server::new(parts, options)?)
}

/// Signs the user in.
pub(crate) async fn sign_in(server: &Server) -> Result<SessionToken> {
    let create = CreateSignin {
        user_email_address: ADDRESS.to_owned(),
    };
    let signin_token = server.invoke(create).await?.signin_token;
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password: PASSWORD.to_owned().into(),
    };
    server.invoke(verify).await?;
    let completed = server.invoke(CompleteSignin { signin_token }).await?;
    Ok(completed.session_token)
}

/// Throws every message away.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl EmailSender for Nowhere {
    async fn send(&self, _message: EmailMessage) -> Result<(), AdapterError> {
        Ok(())
    }
}
