//! A user store as simple as its contract, and the application that owns its users.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, EmailAddressCase, NewUser, UpdateUserEmailAddressOutcome,
        UpdateUserOutcome, User, UserFieldValue, UserFields, UserId, UserStore,
    },
};

use crate::locked;

/// The [`UserStore`] that is correct beyond doubt, with the application's side of it: a test disables users and changes
/// anything about them behind the server's back.
#[derive(Default)]
pub struct ReferenceUserStore {
    email_address_case: EmailAddressCase,
    trigger: Option<fn(&mut User)>,
    has_fields: bool,
    table: Mutex<Table>,
    calls: Mutex<Vec<UserStoreCall>>,
}

#[derive(Default)]
struct Table {
    users: BTreeMap<UserId, User>,
    user_fields: BTreeMap<UserId, UserFields>,
    created: u64,
}

/// A call of one of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserStoreCall {
    /// `create_user`
    CreateUser,
    /// `get_user`
    GetUser,
    /// `get_user_by_email_address`
    GetUserByEmailAddress,
    /// `update_user_email_address`
    UpdateUserEmailAddress,
    /// `update_user_password_hash`
    UpdateUserPasswordHash,
    /// `increment_user_sessions_counter`
    IncrementUserSessionsCounter,
    /// `delete_user`
    DeleteUser,
}

impl ReferenceUserStore {
    /// A store that ignores the letter case of addresses.
    pub fn ignoring_email_address_case() -> Self {
        Self {
            email_address_case: EmailAddressCase::Ignore,
            ..Self::default()
        }
    }

    /// A store with a trigger that changes every new user.
    pub fn with_trigger(trigger: fn(&mut User)) -> Self {
        Self {
            trigger: Some(trigger),
            ..Self::default()
        }
    }

    /// A store with the fields of
    /// [`conformance::user_store_with_fields`](crate::conformance::user_store_with_fields). Other stores know none.
    pub fn with_fields() -> Self {
        Self {
            has_fields: true,
            ..Self::default()
        }
    }

    /// The fields that a user was created with.
    pub fn user_fields(&self, user_id: &UserId) -> UserFields {
        let table = locked(&self.table);
        table.user_fields.get(user_id).cloned().unwrap_or_default()
    }

    /// All users, in the order of their IDs.
    pub fn users(&self) -> Vec<User> {
        locked(&self.table).users.values().cloned().collect()
    }

    /// Disables a user as an application should: flips the flag and increments the disabled counter.
    ///
    /// # Panics
    ///
    /// When no user has this ID.
    pub fn disable_user(&self, user_id: &UserId) {
        self.set_disabled(user_id, true);
    }

    /// Enables a user as an application should: flips the flag and increments the disabled counter.
    ///
    /// # Panics
    ///
    /// When no user has this ID.
    pub fn enable_user(&self, user_id: &UserId) {
        self.set_disabled(user_id, false);
    }

    /// Changes anything about a user, the display name or a counter for example.
    ///
    /// # Panics
    ///
    /// When no user has this ID.
    pub fn change_user(&self, user_id: &UserId, change: impl FnOnce(&mut User)) {
        let mut table = locked(&self.table);
        let user = table.users.get_mut(user_id);
        change(user.expect("a test changes only users that exist"));
    }

    /// Replaces all users. IDs of former users are not used again.
    pub fn set_users(&self, users: impl IntoIterator<Item = User>) {
        let users = users.into_iter().map(|user| (user.id.clone(), user));
        locked(&self.table).users = users.collect();
    }

    /// The calls since the last time that this was asked, in order. What the application does is not among them.
    pub fn take_calls(&self) -> Vec<UserStoreCall> {
        std::mem::take(&mut *locked(&self.calls))
    }

    fn set_disabled(&self, user_id: &UserId, disabled: bool) {
        self.change_user(user_id, |user| {
            if user.disabled != disabled {
                user.disabled = disabled;
                user.disabled_counter = user.disabled_counter.next().expect("tests flip rarely");
            }
        });
    }

    fn called(&self, call: UserStoreCall) -> MutexGuard<'_, Table> {
        locked(&self.calls).push(call);
        locked(&self.table)
    }
}

impl Table {
    fn user_with(&self, email_address: &str, case: EmailAddressCase) -> Option<&User> {
        let mut users = self.users.values();
        users.find(|user| case.is_same(&user.email_address, email_address))
    }

    fn accepts(&self, fields: &UserFields, has_fields: bool) -> bool {
        use UserFieldValue::{Boolean, Integer, Text};

        if !has_fields {
            return fields.is_empty();
        }
        let is_accepted = |(name, value): (&str, &UserFieldValue)| match (name, value) {
            ("full_name", Text(text)) => text.len() <= 100,
            ("username", Text(_)) => {
                let mut others = self.user_fields.values();
                others.all(|other| other.get(name) != Some(value))
            }
            ("age", Integer(age)) => *age >= 0,
            ("newsletter", Boolean(_)) => true,
            _ => false,
        };
        fields.get("full_name").is_some() && fields.iter().all(is_accepted)
    }

    /// Makes a change that counts, if the counter that it concerns is this one.
    fn update(
        &mut self,
        user_id: &UserId,
        counter: Counter,
        counter_of: fn(&mut User) -> &mut Counter,
        change: impl FnOnce(&mut User),
    ) -> Result<UpdateUserOutcome, AdapterError> {
        let Some(user) = self.users.get_mut(user_id) else {
            return Ok(UpdateUserOutcome::UserNotFound);
        };
        if *counter_of(user) != counter {
            return Ok(UpdateUserOutcome::UserNotFound);
        }
        let Some(next) = counter.next() else {
            return Err(AdapterError::message("increment a counter at its maximum"));
        };
        *counter_of(user) = next;
        change(user);
        Ok(UpdateUserOutcome::Updated)
    }
}

#[async_trait]
impl UserStore for ReferenceUserStore {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let mut table = self.called(UserStoreCall::CreateUser);
        let case = self.email_address_case;
        if table.user_with(&new_user.email_address, case).is_some() {
            return Ok(CreateUserOutcome::EmailAddressAlreadyUsed);
        }
        if !table.accepts(&new_user.user_fields, self.has_fields) {
            return Ok(CreateUserOutcome::InvalidUserFields);
        }
        table.created += 1;
        let user_fields = new_user.user_fields.clone();
        let mut user = new_user.into_user(format!("user-{}", table.created).into());
        if let Some(trigger) = self.trigger {
            trigger(&mut user);
        }
        table.users.insert(user.id.clone(), user.clone());
        table.user_fields.insert(user.id.clone(), user_fields);
        Ok(CreateUserOutcome::Created(user))
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        let table = self.called(UserStoreCall::GetUser);
        Ok(table.users.get(user_id).cloned())
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        let table = self.called(UserStoreCall::GetUserByEmailAddress);
        let user = table.user_with(email_address, self.email_address_case);
        Ok(user.cloned())
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        let mut table = self.called(UserStoreCall::UpdateUserEmailAddress);
        let holder = table.user_with(email_address, self.email_address_case);
        if holder.is_some_and(|holder| holder.id != *user_id) && table.users.contains_key(user_id) {
            return Ok(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed);
        }
        let outcome = table.update(
            user_id,
            email_address_counter,
            |user| &mut user.email_address_counter,
            |user| user.email_address = email_address.to_owned(),
        );
        Ok(match outcome? {
            UpdateUserOutcome::Updated => UpdateUserEmailAddressOutcome::Updated,
            UpdateUserOutcome::UserNotFound => UpdateUserEmailAddressOutcome::UserNotFound,
        })
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        let mut table = self.called(UserStoreCall::UpdateUserPasswordHash);
        table.update(
            user_id,
            password_hash_counter,
            |user| &mut user.password_hash_counter,
            |user| {
                user.password_hash = password_hash.hash.clone();
                user.password_hash_algorithm_id = password_hash.algorithm_id.clone();
                user.password_salt = password_hash.salt.clone();
            },
        )
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        let mut table = self.called(UserStoreCall::IncrementUserSessionsCounter);
        table.update(
            user_id,
            sessions_counter,
            |user| &mut user.sessions_counter,
            |_| {},
        )
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        let mut table = self.called(UserStoreCall::DeleteUser);
        table.user_fields.remove(user_id);
        Ok(match table.users.remove(user_id) {
            Some(_) => UpdateUserOutcome::Updated,
            None => UpdateUserOutcome::UserNotFound,
        })
    }
}

impl fmt::Debug for ReferenceUserStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceUserStore").finish_non_exhaustive()
    }
}
