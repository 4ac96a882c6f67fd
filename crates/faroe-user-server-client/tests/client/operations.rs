//! The seven operations, with what they are asked and what a good server answers.

use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    user_store::{Counter, NewUser, UserId, UserStore},
};
use serde_json::{Value, json};

pub(crate) const ADDRESS: &str = "ada@example.com";

/// An operation that is called with the user below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateUser,
    GetUser,
    GetUserByEmailAddress,
    UpdateUserEmailAddress,
    UpdateUserPasswordHash,
    IncrementUserSessionsCounter,
    DeleteUser,
}

impl Operation {
    pub(crate) const ALL: [Self; 7] = [
        Self::CreateUser,
        Self::GetUser,
        Self::GetUserByEmailAddress,
        Self::UpdateUserEmailAddress,
        Self::UpdateUserPasswordHash,
        Self::IncrementUserSessionsCounter,
        Self::DeleteUser,
    ];

    /// Calls it. What came of it as text, for what counts is whether it is an error.
    pub(crate) async fn call(self, users: &dyn UserStore) -> Result<String, AdapterError> {
        let (id, hash, counter) = (UserId::from("1"), hash(), Counter::ZERO);
        Ok(match self {
            Self::CreateUser => {
                let new_user = NewUser::new(ADDRESS, hash);
                format!("{:?}", users.create_user(new_user).await?)
            }
            Self::GetUser => format!("{:?}", users.get_user(&id).await?),
            Self::GetUserByEmailAddress => {
                format!("{:?}", users.get_user_by_email_address(ADDRESS).await?)
            }
            Self::UpdateUserEmailAddress => {
                let update = users.update_user_email_address(&id, ADDRESS, counter);
                format!("{:?}", update.await?)
            }
            Self::UpdateUserPasswordHash => {
                let update = users.update_user_password_hash(&id, &hash, counter);
                format!("{:?}", update.await?)
            }
            Self::IncrementUserSessionsCounter => {
                let increment = users.increment_user_sessions_counter(&id, counter);
                format!("{:?}", increment.await?)
            }
            Self::DeleteUser => format!("{:?}", users.delete_user(&id).await?),
        })
    }

    pub(crate) fn answers_a_user(self) -> bool {
        matches!(
            self,
            Self::CreateUser | Self::GetUser | Self::GetUserByEmailAddress
        )
    }

    /// The values that a good server answers.
    pub(crate) fn values(self) -> Value {
        if self.answers_a_user() {
            json!({ "user": user() })
        } else {
            json!({})
        }
    }
}

pub(crate) fn hash() -> PasswordHash {
    PasswordHash {
        algorithm_id: "a".into(),
        salt: b"salt".to_vec().into(),
        hash: b"hash".to_vec().into(),
    }
}

pub(crate) fn user() -> Value {
    let user = NewUser::new(ADDRESS, hash()).into_user("1".into());
    serde_json::to_value(user).unwrap()
}

/// A successful answer with these values.
pub(crate) fn success(values: &Value) -> String {
    json!({ "ok": true, "action_invocation_id": "x", "values": values }).to_string()
}
