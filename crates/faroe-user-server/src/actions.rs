//! The seven actions. Each is one call of the user store.

use std::{pin::Pin, sync::Arc, time::Duration};

use faroe_core::{
    error::AdapterError,
    log::{ActionError, ActionErrorLogger},
    password::PasswordHash,
    protocol::{
        action::{Action, ErrorCode, INTERNAL_CONFLICT, INTERNAL_ERROR, NoValues},
        envelope::{InvalidRequest, Request, encode_error, encode_values},
        id::ActionInvocationId,
        user::{
            CreateUser, CreateUserErrorCode, CreateUserValues, DeleteUser, DeleteUserErrorCode,
            GetUser, GetUserByEmailAddress, GetUserByEmailAddressErrorCode,
            GetUserByEmailAddressValues, GetUserErrorCode, GetUserValues,
            IncrementUserSessionsCounter, IncrementUserSessionsCounterErrorCode,
            UpdateUserEmailAddress, UpdateUserEmailAddressErrorCode, UpdateUserPasswordHash,
            UpdateUserPasswordHashErrorCode,
        },
    },
    random,
    user_store::{
        CreateUserOutcome, EmailAddressCase, NewUser, UpdateUserEmailAddressOutcome,
        UpdateUserOutcome, UserStore,
    },
};
use tokio::time::timeout;

/// The dependencies of every action.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) user_store: Arc<dyn UserStore>,
    pub(crate) timeout: Duration,
    pub(crate) email_address_case: EmailAddressCase,
    pub(crate) error_logger: Arc<dyn ActionErrorLogger>,
}

/// Values, or an error code of the action's own.
type Answer<A> = Result<<A as Action>::Values, <A as Action>::ErrorCode>;

trait Run: Action {
    /// The answer if the user store refuses the call, unless it is `internal_error`.
    const REFUSED: Option<Self::ErrorCode> = None;

    fn run(
        self,
        users: &dyn UserStore,
        case: EmailAddressCase,
    ) -> impl Future<Output = Result<Answer<Self>, AdapterError>> + Send;
}

/// Invokes the action that the request names, and encodes its answer.
pub(crate) async fn invoke(
    surroundings: &Surroundings,
    request: Request<'_>,
) -> Result<String, InvalidRequest> {
    let handler = handler(&request.action).ok_or(InvalidRequest::UnknownAction)?;
    handler(surroundings, request).await
}

type Handler =
    for<'a> fn(
        &'a Surroundings,
        Request<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<String, InvalidRequest>> + Send + 'a>>;

macro_rules! dispatch {
    ($($action:ty,)*) => {
        fn handler(name: &str) -> Option<Handler> {
            match name {
                $(<$action as Action>::NAME => Some(|surroundings, request| {
                    Box::pin(handle::<$action>(surroundings, request))
                }),)*
                _ => None,
            }
        }
    };
}

faroe_core::protocol::for_each_user_server_action!(dispatch);

async fn handle<A: Run>(
    surroundings: &Surroundings,
    request: Request<'_>,
) -> Result<String, InvalidRequest> {
    let action: A = request.arguments()?;
    let id = ActionInvocationId::from(random::id());
    let run = action.run(&*surroundings.user_store, surroundings.email_address_case);
    let run = timeout(surroundings.timeout, run);
    let answer = run
        .await
        .unwrap_or_else(|_| Err(AdapterError::new("call the user store", "timed out")));
    Ok(match answer {
        Ok(Ok(values)) => encode_values::<A>(&id, &values),
        Ok(Err(code)) => encode_error(&id, code.as_str()),
        Err(error) if error.is_conflict() && A::MAY_CONFLICT => {
            encode_error(&id, INTERNAL_CONFLICT)
        }
        Err(error) => {
            surroundings.error_logger.log(&ActionError {
                action: A::NAME,
                action_invocation_id: &id,
                failed: true,
                error: &error,
            });
            let refused = A::REFUSED.filter(|_| error.is_refusal());
            encode_error(&id, refused.map_or(INTERNAL_ERROR, |code| code.as_str()))
        }
    })
}

impl Run for CreateUser {
    const REFUSED: Option<Self::ErrorCode> = Some(CreateUserErrorCode::EmailAddressAlreadyUsed);

    async fn run(
        self,
        users: &dyn UserStore,
        _case: EmailAddressCase,
    ) -> Result<Answer<Self>, AdapterError> {
        let hash = PasswordHash {
            algorithm_id: self.password_hash_algorithm_id,
            salt: self.password_salt,
            hash: self.password_hash,
        };
        let mut new_user = NewUser::new(self.email_address, hash);
        new_user.user_fields = self.user_fields.unwrap_or_default();
        Ok(match users.create_user(new_user).await? {
            CreateUserOutcome::Created(user) => Ok(CreateUserValues::new(user)),
            CreateUserOutcome::EmailAddressAlreadyUsed => {
                Err(CreateUserErrorCode::EmailAddressAlreadyUsed)
            }
            CreateUserOutcome::InvalidUserFields => Err(CreateUserErrorCode::InvalidUserFields),
            _ => return Err(unexpected_outcome("create a user")),
        })
    }
}

impl Run for GetUser {
    async fn run(
        self,
        users: &dyn UserStore,
        _case: EmailAddressCase,
    ) -> Result<Answer<Self>, AdapterError> {
        let user = users.get_user(&self.user_id).await?;
        Ok(user
            .map(GetUserValues::new)
            .ok_or(GetUserErrorCode::UserNotFound))
    }
}

impl Run for GetUserByEmailAddress {
    const REFUSED: Option<Self::ErrorCode> = Some(GetUserByEmailAddressErrorCode::UserNotFound);

    async fn run(
        self,
        users: &dyn UserStore,
        case: EmailAddressCase,
    ) -> Result<Answer<Self>, AdapterError> {
        let user = users.get_user_by_email_address(&self.email_address).await?;
        Ok(user
            .filter(|user| case.is_same(&user.email_address, &self.email_address))
            .map(GetUserByEmailAddressValues::new)
            .ok_or(GetUserByEmailAddressErrorCode::UserNotFound))
    }
}

impl Run for UpdateUserEmailAddress {
    const REFUSED: Option<Self::ErrorCode> =
        Some(UpdateUserEmailAddressErrorCode::EmailAddressAlreadyUsed);

    async fn run(
        self,
        users: &dyn UserStore,
        _case: EmailAddressCase,
    ) -> Result<Answer<Self>, AdapterError> {
        type Code = UpdateUserEmailAddressErrorCode;
        let (address, counter) = (&self.email_address, self.user_email_address_counter);
        let update = users.update_user_email_address(&self.user_id, address, counter);
        Ok(match update.await? {
            UpdateUserEmailAddressOutcome::Updated => Ok(NoValues {}),
            UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed => {
                Err(Code::EmailAddressAlreadyUsed)
            }
            UpdateUserEmailAddressOutcome::UserNotFound => Err(Code::UserNotFound),
            _ => return Err(unexpected_outcome("update a user's email address")),
        })
    }
}

impl Run for UpdateUserPasswordHash {
    async fn run(
        self,
        users: &dyn UserStore,
        _case: EmailAddressCase,
    ) -> Result<Answer<Self>, AdapterError> {
        let hash = PasswordHash {
            algorithm_id: self.password_hash_algorithm_id,
            salt: self.password_salt,
            hash: self.password_hash,
        };
        let counter = self.user_password_hash_counter;
        let update = users.update_user_password_hash(&self.user_id, &hash, counter);
        Ok(updated(
            update.await?,
            UpdateUserPasswordHashErrorCode::UserNotFound,
        ))
    }
}

impl Run for IncrementUserSessionsCounter {
    async fn run(
        self,
        users: &dyn UserStore,
        _case: EmailAddressCase,
    ) -> Result<Answer<Self>, AdapterError> {
        let counter = self.user_sessions_counter;
        let increment = users.increment_user_sessions_counter(&self.user_id, counter);
        Ok(updated(
            increment.await?,
            IncrementUserSessionsCounterErrorCode::UserNotFound,
        ))
    }
}

impl Run for DeleteUser {
    const REFUSED: Option<Self::ErrorCode> = Some(DeleteUserErrorCode::UserNotFound);

    async fn run(
        self,
        users: &dyn UserStore,
        _case: EmailAddressCase,
    ) -> Result<Answer<Self>, AdapterError> {
        let delete = users.delete_user(&self.user_id);
        Ok(updated(delete.await?, DeleteUserErrorCode::UserNotFound))
    }
}

fn updated<C>(outcome: UpdateUserOutcome, not_found: C) -> Result<NoValues, C> {
    match outcome {
        UpdateUserOutcome::Updated => Ok(NoValues {}),
        UpdateUserOutcome::UserNotFound => Err(not_found),
    }
}

/// An outcome of a later version, for which the actions have no error code.
fn unexpected_outcome(operation: &'static str) -> AdapterError {
    AdapterError::new(operation, "unexpected outcome")
}
