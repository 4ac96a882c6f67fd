//! A server in this process, and its only user.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use async_trait::async_trait;
use faroe_core::{
    RateLimit, Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    email::{EmailMessage, EmailSender},
    error::AdapterError,
    password::{PasswordHash, PasswordHashAlgorithm},
    protocol::{
        secret::{SessionToken, SigninToken},
        signin::{CompleteSignin, CreateSignin, VerifySigninUserPassword},
    },
    user_store::{CreateUserOutcome, NewUser, UserStore},
};

use crate::faroe::PASSWORD;

const ADDRESS: &str = "bench@example.com";

/// Creates a server without limits on sign-ins, and a user whose password this algorithm has hashed.
pub(crate) async fn server(
    algorithm: Arc<dyn PasswordHashAlgorithm>,
    storages: Storages,
    users: impl UserStore,
    mut options: ServerOptions,
) -> Result<Server> {
    let salt = vec![7; algorithm.salt_size()];
    let hash = PasswordHash {
        algorithm_id: algorithm.id().to_owned(),
        hash: algorithm.hash(PASSWORD.as_bytes(), &salt)?.into(),
        salt: salt.into(),
    };
    let new_user = NewUser::new(ADDRESS, hash);
    let CreateUserOutcome::Created(_) = users.create_user(new_user).await? else {
        bail!("create the user: the email address is taken")
    };
    let parts = ServerParts::new(
        storages,
        Arc::new(users),
        UserPasswordHashAlgorithms::new(Arc::clone(&algorithm)),
        algorithm,
        Arc::new(Nowhere),
    );
    let never = RateLimit {
        capacity: u32::MAX,
        interval: Duration::from_millis(1),
    };
    options.rate_limits.verify_user_password = never;
    options.rate_limits.create_signin = never;
    options.rate_limits.begun_flows = u32::MAX;
    Ok(Server::new(parts, options)?)
}

/// Starts a sign-in of the user.
pub(crate) async fn create_signin(server: &Server) -> Result<SigninToken> {
    let create = CreateSignin {
        user_email_address: ADDRESS.to_owned(),
    };
    Ok(server.invoke(create).await?.signin_token)
}

/// Signs the user in.
pub(crate) async fn sign_in(server: &Server) -> Result<SessionToken> {
    let signin_token = create_signin(server).await?;
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password: PASSWORD.to_owned().into(),
    };
    server.invoke(verify).await?;
    let completed = server.invoke(CompleteSignin { signin_token }).await?;
    Ok(completed.session_token)
}

/// An email sender that drops every message.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl EmailSender for Nowhere {
    async fn send(&self, _message: EmailMessage) -> Result<(), AdapterError> {
        Ok(())
    }
}
