//! Users by email address, and the creation of a user.

use faroe_protocol::{id::UserId, user::User};

use super::right_user;
use crate::{
    error::AdapterError,
    fault::Fault,
    invocation::Invocation,
    password::PasswordHash,
    user_store::{CreateUserOutcome, EmailAddressCase, NewUser},
};

/// The availability of an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    Free,
    Used,
    /// No user can have it: a rule of the users table refuses it.
    Refused,
}

/// The outcome of creating a user.
#[derive(Debug)]
pub(crate) enum Creation {
    /// This call created the user.
    Created(User),
    /// An earlier call with the same password hash, or this one, created the user, and its answer was lost or late.
    Found(User),
    /// The user store does not accept the fields.
    InvalidUserFields,
    /// Another user has the address, or the users table refuses it.
    Impossible,
}

impl Invocation<'_> {
    /// Reads the user with this address.
    pub(crate) async fn user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, Fault> {
        let case = self.email_address_case();
        match self.holder(email_address).await {
            Ok(user) => Ok(user.filter(|user| case.is_same(&user.email_address, email_address))),
            // No user can have the address.
            Err(fault) if fault.is_refusal() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Checks whether a user can get this address: a new one, or `user`, who may change the letter case of their own.
    pub(crate) async fn availability(
        &self,
        email_address: &str,
        user: Option<&UserId>,
    ) -> Result<Availability, Fault> {
        let changes_case_only =
            |holder: &User| user == Some(&holder.id) && holder.email_address != email_address;
        match self.holder(email_address).await {
            Ok(Some(holder)) if !changes_case_only(&holder) => Ok(Availability::Used),
            Ok(_) => Ok(Availability::Free),
            Err(fault) if fault.is_refusal() => Ok(Availability::Refused),
            Err(fault) => Err(fault),
        }
    }

    /// Reads the user that has this address in any letter case, as far as the user store ignores it. An answer about
    /// another user is a fault.
    async fn holder(&self, email_address: &str) -> Result<Option<User>, Fault> {
        let get = self.user_store().get_user_by_email_address(email_address);
        let user = self
            .call_user_store("read a user by email address", get)
            .await?;
        right_user(user, |user| {
            user.email_address.eq_ignore_ascii_case(email_address)
        })
    }

    /// Creates a user. One that an earlier call created is recognized by its password hash, which no other sign-up can have.
    pub(crate) async fn create_user(&self, new_user: NewUser) -> Result<Creation, Fault> {
        let (email_address, hash) = (
            new_user.email_address.clone(),
            new_user.password_hash.clone(),
        );
        let create = self.user_store().create_user(new_user);
        let created = self.call_user_store("create a user", create).await;
        let mut failed = Creation::Impossible;
        let lost = match self.unless_refused(created) {
            Ok(None) => return Ok(failed),
            Ok(Some(CreateUserOutcome::Created(user))) => {
                return self.checked_creation(user, &email_address);
            }
            Ok(Some(CreateUserOutcome::EmailAddressAlreadyUsed)) => None,
            Ok(Some(CreateUserOutcome::InvalidUserFields)) => {
                failed = Creation::InvalidUserFields;
                None
            }
            Err(fault) if fault.is_conflict() => return Err(fault),
            Err(fault) => Some(fault),
        };
        let holder = self.holder(&email_address).await;
        match (holder, lost) {
            (Ok(Some(user)), lost) if is_made_with(&user, &hash) => {
                self.tolerate(lost.map_or(Ok(()), Err));
                Ok(Creation::Found(user))
            }
            (_, Some(lost)) => Err(lost),
            (Ok(_), None) => Ok(failed),
            (Err(fault), None) => Err(fault),
        }
    }

    /// Accepts the user store's answer about a new user. The address may be in another letter case: a trigger has changed it.
    fn checked_creation(&self, user: User, email_address: &str) -> Result<Creation, Fault> {
        let user = right_user(Some(user), |user| {
            user.email_address.eq_ignore_ascii_case(email_address)
        })?;
        let is_as_given = |user: &User| user.email_address == email_address;
        if self.email_address_case() == EmailAddressCase::Exact
            && !user.as_ref().is_none_or(is_as_given)
        {
            self.log(
                &AdapterError::message(
                    "create a user: the users table changed the letter case of the email address; with \
                     email_address_case = \"ignore\" the user can sign in with any",
                ),
                false,
            );
        }
        Ok(user.map_or(Creation::Impossible, Creation::Created))
    }
}

/// Checks whether a user's password hash is this one, with its random salt.
fn is_made_with(user: &User, hash: &PasswordHash) -> bool {
    !hash.salt.is_empty()
        && user.password_salt == hash.salt
        && user.password_hash == hash.hash
        && user.password_hash_algorithm_id == hash.algorithm_id
}
