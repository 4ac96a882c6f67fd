//! The user store behind a user server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    client::ActionInvocationEndpointClient,
    error::AdapterError,
    password::PasswordHash,
    protocol::action::ErrorCode,
    protocol::user::{
        CreateUser, CreateUserErrorCode, DeleteUser, DeleteUserErrorCode, GetUser,
        GetUserByEmailAddress, GetUserByEmailAddressErrorCode, GetUserErrorCode,
        IncrementUserSessionsCounter, IncrementUserSessionsCounterErrorCode,
        UpdateUserEmailAddress, UpdateUserEmailAddressErrorCode, UpdateUserPasswordHash,
        UpdateUserPasswordHashErrorCode,
    },
    user_store::{
        Counter, CreateUserOutcome, EmailAddressCase, NewUser, UpdateUserEmailAddressOutcome,
        UpdateUserOutcome, User, UserId, UserStore,
    },
};
use faroe_http_client::{HttpClient, HttpOptions};

use crate::invocation::{Settled, invoke, settle};

/// The time limit of one request: as long as the core waits for the whole call by default. A second request, after a lost
/// answer, has what is left of that.
const TIMEOUT: Duration = Duration::from_secs(4);

const CREATE: &str = "create a user at the user server";
const READ: &str = "read a user from the user server";
const UPDATE_EMAIL_ADDRESS: &str = "update a user's email address at the user server";
const UPDATE_PASSWORD_HASH: &str = "update a user's password hash at the user server";
const INCREMENT: &str = "increment a user's sessions counter at the user server";
const OTHER_LETTER_CASE: &str = "the answer has the email address in another letter case; email_address_case = \"ignore\" \
     accepts it";
const DELETE: &str = "delete a user at the user server";

/// Returns the default [`HttpOptions`] with the timeout of a call to a user store: 4 seconds, long enough for a user server
/// that has to start first. For another time, change it together with
/// [`Timeouts::user_store`](faroe_core::Timeouts::user_store).
pub fn http_options() -> HttpOptions {
    let mut options = HttpOptions::default();
    options.timeout = TIMEOUT;
    options.connect_timeout = TIMEOUT;
    options
}

/// The user store of a user server. Cheap to clone.
///
/// # Guarantees
///
/// - An invalid answer is an error, never a decision: a timeout, another status, broken JSON, a missing or mistyped field, an
///   unknown code, a user other than the requested one.
/// - A lost answer does not fail an operation whose effect can be determined: see the README.
///
/// # Concurrency
///
/// As concurrent as the endpoint's client. A read is one request, a write at most three.
#[derive(Clone, Debug)]
pub struct UserServerClient {
    endpoint: Arc<dyn ActionInvocationEndpointClient>,
    email_address_case: EmailAddressCase,
}

impl UserServerClient {
    /// Creates a client of a user server that is reached by another transport.
    pub fn new(endpoint: Arc<dyn ActionInvocationEndpointClient>) -> Self {
        Self {
            endpoint,
            email_address_case: EmailAddressCase::default(),
        }
    }

    /// Sets the comparison of addresses, as in
    /// [`ServerOptions::email_address_case`](faroe_core::ServerOptions::email_address_case). Default:
    /// [`EmailAddressCase::Exact`]: an answer about the user with the address in another letter case is an error.
    #[must_use]
    pub fn with_email_address_case(mut self, email_address_case: EmailAddressCase) -> Self {
        self.email_address_case = email_address_case;
        self
    }

    /// Creates a client of the user server at this URL. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL or the options cannot be used. The error does not show the URL.
    pub fn http(url: &str, options: HttpOptions) -> Result<Self, AdapterError> {
        Ok(Self::new(Arc::new(HttpClient::new(url, options)?)))
    }
}

#[async_trait]
impl UserStore for UserServerClient {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let NewUser {
            email_address,
            password_hash,
            user_fields,
            ..
        } = new_user;
        let gives_fields = !user_fields.is_empty();
        let mut action = CreateUser::new(
            email_address.clone(),
            password_hash.hash.clone(),
            password_hash.algorithm_id.clone(),
            password_hash.salt.clone(),
        );
        action.user_fields = gives_fields.then_some(user_fields);
        // A user server may change the letter case of the address, as a trigger does: the hash shows whose user it is.
        let is_as_sent = |user: &User| {
            user.email_address.eq_ignore_ascii_case(&email_address)
                && has_hash(user, &password_hash)
        };
        let Settled {
            answer,
            may_have_happened,
        } = settle(&*self.endpoint, CREATE, &action).await?;
        match answer {
            Ok(values) => Ok(CreateUserOutcome::Created(checked(
                CREATE,
                values.user,
                is_as_sent,
            )?)),
            Err(CreateUserErrorCode::EmailAddressAlreadyUsed) if may_have_happened => {
                let user = self.holder(&email_address).await?;
                let user = user.ok_or_else(|| unknowable(CREATE))?;
                // Only this call has the salt, so the first request created the user.
                Ok(if is_as_sent(&user) {
                    CreateUserOutcome::Created(user)
                } else {
                    CreateUserOutcome::EmailAddressAlreadyUsed
                })
            }
            Err(CreateUserErrorCode::EmailAddressAlreadyUsed) => {
                Ok(CreateUserOutcome::EmailAddressAlreadyUsed)
            }
            // A lost answer makes no difference: the core looks for a user that an earlier call created.
            Err(CreateUserErrorCode::InvalidUserFields) => Ok(CreateUserOutcome::InvalidUserFields),
            Err(code) => Err(unexpected(CREATE, code)),
        }
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        let action = GetUser {
            user_id: user_id.clone(),
        };
        match invoke(&*self.endpoint, &action).await {
            Ok(values) => checked(READ, values.user, |user| user.id == *user_id).map(Some),
            Err(failure) => match failure.of_one_attempt(READ)? {
                GetUserErrorCode::UserNotFound => Ok(None),
                code => Err(unexpected(READ, code)),
            },
        }
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        let user = self.holder(email_address).await?;
        let case = self.email_address_case;
        match user {
            Some(user) if !case.is_same(&user.email_address, email_address) => {
                Err(AdapterError::new(READ, OTHER_LETTER_CASE))
            }
            user => Ok(user),
        }
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        type Code = UpdateUserEmailAddressErrorCode;
        let action = UpdateUserEmailAddress {
            user_id: user_id.clone(),
            email_address: email_address.to_owned(),
            user_email_address_counter: email_address_counter,
        };
        let Settled {
            answer,
            may_have_happened,
        } = settle(&*self.endpoint, UPDATE_EMAIL_ADDRESS, &action).await?;
        match answer {
            Ok(_) => Ok(UpdateUserEmailAddressOutcome::Updated),
            Err(Code::EmailAddressAlreadyUsed) => {
                Ok(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed)
            }
            Err(Code::UserNotFound) if may_have_happened => {
                let is_updated = |user: &User| {
                    user.email_address.eq_ignore_ascii_case(email_address)
                        && Some(user.email_address_counter) == email_address_counter.next()
                };
                self.require(UPDATE_EMAIL_ADDRESS, user_id, is_updated)
                    .await?;
                Ok(UpdateUserEmailAddressOutcome::Updated)
            }
            Err(Code::UserNotFound) => Ok(UpdateUserEmailAddressOutcome::UserNotFound),
            Err(code) => Err(unexpected(UPDATE_EMAIL_ADDRESS, code)),
        }
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        let action = UpdateUserPasswordHash {
            user_id: user_id.clone(),
            password_hash: password_hash.hash.clone(),
            password_hash_algorithm_id: password_hash.algorithm_id.clone(),
            password_salt: password_hash.salt.clone(),
            user_password_hash_counter: password_hash_counter,
        };
        let Settled {
            answer,
            may_have_happened,
        } = settle(&*self.endpoint, UPDATE_PASSWORD_HASH, &action).await?;
        match answer {
            Ok(_) => Ok(UpdateUserOutcome::Updated),
            Err(UpdateUserPasswordHashErrorCode::UserNotFound) if may_have_happened => {
                let is_updated = |user: &User| {
                    has_hash(user, password_hash)
                        && Some(user.password_hash_counter) == password_hash_counter.next()
                };
                self.require(UPDATE_PASSWORD_HASH, user_id, is_updated)
                    .await?;
                Ok(UpdateUserOutcome::Updated)
            }
            Err(UpdateUserPasswordHashErrorCode::UserNotFound) => {
                Ok(UpdateUserOutcome::UserNotFound)
            }
            Err(code) => Err(unexpected(UPDATE_PASSWORD_HASH, code)),
        }
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        let action = IncrementUserSessionsCounter {
            user_id: user_id.clone(),
            user_sessions_counter: sessions_counter,
        };
        match invoke(&*self.endpoint, &action).await {
            Ok(_) => Ok(UpdateUserOutcome::Updated),
            Err(failure) => match failure.of_one_attempt(INCREMENT)? {
                IncrementUserSessionsCounterErrorCode::UserNotFound => {
                    Ok(UpdateUserOutcome::UserNotFound)
                }
                code => Err(unexpected(INCREMENT, code)),
            },
        }
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        let action = DeleteUser {
            user_id: user_id.clone(),
        };
        match invoke(&*self.endpoint, &action).await {
            Ok(_) => Ok(UpdateUserOutcome::Updated),
            Err(failure) => match failure.of_one_attempt(DELETE)? {
                DeleteUserErrorCode::UserNotFound => Ok(UpdateUserOutcome::UserNotFound),
                code => Err(unexpected(DELETE, code)),
            },
        }
    }
}

impl UserServerClient {
    /// Reads the user that has this address in any letter case.
    async fn holder(&self, email_address: &str) -> Result<Option<User>, AdapterError> {
        let action = GetUserByEmailAddress {
            email_address: email_address.to_owned(),
        };
        let is_right = |user: &User| user.email_address.eq_ignore_ascii_case(email_address);
        match invoke(&*self.endpoint, &action).await {
            Ok(values) => checked(READ, values.user, is_right).map(Some),
            Err(failure) => match failure.of_one_attempt(READ)? {
                GetUserByEmailAddressErrorCode::UserNotFound => Ok(None),
                code => Err(unexpected(READ, code)),
            },
        }
    }

    /// Checks whether a change whose answer was lost was made. An error if the user does not show it.
    async fn require(
        &self,
        operation: &'static str,
        user_id: &UserId,
        is_updated: impl Fn(&User) -> bool + Send,
    ) -> Result<(), AdapterError> {
        match self.get_user(user_id).await? {
            Some(user) if is_updated(&user) => Ok(()),
            _ => Err(unknowable(operation)),
        }
    }
}

fn checked(
    operation: &'static str,
    user: User,
    is_right: impl FnOnce(&User) -> bool,
) -> Result<User, AdapterError> {
    if is_right(&user) {
        Ok(user)
    } else {
        Err(AdapterError::new(
            operation,
            "the answer is about another user",
        ))
    }
}

/// Checks whether the user has this hash in parts. The user server may keep it as a text.
fn has_hash(user: &User, hash: &PasswordHash) -> bool {
    *PasswordHash::from(user).to_parts() == *hash
}

/// An error code that a later version of the protocol gives to the action.
fn unexpected(operation: &'static str, code: impl ErrorCode) -> AdapterError {
    let reason = format!("unexpected error code {}", code.as_str());
    AdapterError::new(operation, reason)
}

fn unknowable(operation: &'static str) -> AdapterError {
    let reason = "the answer was lost and the user was changed concurrently";
    AdapterError::new(operation, reason)
}
