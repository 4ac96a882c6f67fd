//! Users in a service of your own. Run it and a Faroe server in two terminals:
//!
//! ```sh
//! (umask 077; openssl rand -base64 32 > users-token)
//! USERS_TOKEN=$(cat users-token) cargo run -p example-user-server
//! FAROE_USER_STORE=http://127.0.0.1:4001 FAROE_USER_SERVER_BEARER_TOKEN=$(cat users-token) cargo run
//! ```
//!
//! Sign up at the Faroe server as the README shows, then look at your users: <http://127.0.0.1:4001/accounts>.

use std::{
    env,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    protocol::envelope::MAX_BODY_SIZE,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_user_server::{BearerTokens, Protection, UserServer, UserServerOptions};

/// Your table: here a list in memory. The ID of an account is its index, which is never reused.
#[derive(Debug, Default)]
struct Accounts(Mutex<Vec<Option<User>>>);

impl Accounts {
    fn rows(&self) -> MutexGuard<'_, Vec<Option<User>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an account if it exists and has this counter.
    fn update(
        rows: &mut [Option<User>],
        user_id: &UserId,
        counter: Counter,
        counter_of: fn(&mut User) -> &mut Counter,
        change: impl FnOnce(&mut User),
    ) -> Result<UpdateUserOutcome, AdapterError> {
        let mut accounts = rows.iter_mut().flatten();
        let Some(account) = accounts.find(|account| account.id == *user_id) else {
            return Ok(UpdateUserOutcome::UserNotFound);
        };
        if *counter_of(account) != counter {
            return Ok(UpdateUserOutcome::UserNotFound);
        }
        let next = counter.next();
        *counter_of(account) = next.ok_or_else(|| AdapterError::message("count any further"))?;
        change(account);
        Ok(UpdateUserOutcome::Updated)
    }
}

#[async_trait]
impl UserStore for Accounts {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let mut rows = self.rows();
        let mut accounts = rows.iter().flatten();
        if accounts.any(|account| account.email_address == new_user.email_address) {
            return Ok(CreateUserOutcome::EmailAddressAlreadyUsed);
        }
        if !new_user.user_fields.is_empty() {
            return Ok(CreateUserOutcome::InvalidUserFields);
        }
        let account = new_user.into_user(rows.len().to_string().into());
        rows.push(Some(account.clone()));
        Ok(CreateUserOutcome::Created(account))
    }

    async fn get_user(&self, id: &UserId) -> Result<Option<User>, AdapterError> {
        let rows = self.rows();
        let found = rows.iter().flatten().find(|account| account.id == *id);
        Ok(found.cloned())
    }

    async fn get_user_by_email_address(&self, address: &str) -> Result<Option<User>, AdapterError> {
        let rows = self.rows();
        let mut accounts = rows.iter().flatten();
        let found = accounts.find(|account| account.email_address == address);
        Ok(found.cloned())
    }

    async fn update_user_email_address(
        &self,
        id: &UserId,
        address: &str,
        counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        // One lock covers both steps; otherwise two accounts could get the address.
        let mut rows = self.rows();
        let is_taken = |account: &User| account.email_address == address && account.id != *id;
        if rows.iter().flatten().any(is_taken) {
            return Ok(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed);
        }
        let outcome = Self::update(
            &mut rows,
            id,
            counter,
            |account| &mut account.email_address_counter,
            |account| account.email_address = address.to_owned(),
        )?;
        Ok(match outcome {
            UpdateUserOutcome::Updated => UpdateUserEmailAddressOutcome::Updated,
            UpdateUserOutcome::UserNotFound => UpdateUserEmailAddressOutcome::UserNotFound,
        })
    }

    async fn update_user_password_hash(
        &self,
        id: &UserId,
        hash: &PasswordHash,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        Self::update(
            &mut self.rows(),
            id,
            counter,
            |account| &mut account.password_hash_counter,
            |account| {
                account.password_hash = hash.hash.clone();
                account.password_hash_algorithm_id = hash.algorithm_id.clone();
                account.password_salt = hash.salt.clone();
            },
        )
    }

    async fn increment_user_sessions_counter(
        &self,
        id: &UserId,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        Self::update(
            &mut self.rows(),
            id,
            counter,
            |account| &mut account.sessions_counter,
            |_| {},
        )
    }

    async fn delete_user(&self, id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        let is_it = |row: &&mut Option<User>| row.as_ref().is_some_and(|row| row.id == *id);
        Ok(match self.rows().iter_mut().find(is_it) {
            Some(row) => {
                *row = None;
                UpdateUserOutcome::Updated
            }
            None => UpdateUserOutcome::UserNotFound,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let token = env::var("USERS_TOKEN").map_err(|_| "set USERS_TOKEN to 32 characters or more")?;
    let accounts = Arc::new(Accounts::default());
    let protection = Protection::BearerTokens(BearerTokens::new([token])?);
    let server = UserServer::new(accounts.clone(), protection, UserServerOptions::default());

    let answer = async move |request: Request| {
        let (head, body) = request.into_parts();
        match to_bytes(body, MAX_BODY_SIZE).await {
            Ok(body) => server.answer(&head, &body).await.into_response(),
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    };
    // The rest of your service.
    let list = async move || {
        let rows = accounts.rows();
        let lines = rows.iter().flatten();
        let lines = lines.map(|account| format!("{} {}\n", account.id, account.email_address));
        lines.collect::<String>()
    };
    let router = Router::new()
        .route("/", post(answer))
        .route("/accounts", get(list));
    let address = env::args().nth(1).unwrap_or("127.0.0.1:4001".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
