//! Users in actions: read from the user store, remembered by flows, verified by password.

mod addresses;

use faroe_protocol::{
    id::UserId,
    secret::Password,
    types::{Bytes, Counter},
    user::User,
};
use serde::{Deserialize, Serialize};

pub(crate) use self::addresses::{Availability, Creation};
use crate::{
    error::AdapterError,
    fault::Fault,
    flow::PasswordFlow,
    hashing::HashingPlace,
    invocation::Invocation,
    password::{PasswordHash, Verification},
    rate_limit::Bucket,
    record::Held,
    session::SessionRecord,
    user_store::{UpdateUserEmailAddressOutcome, UpdateUserOutcome},
    validation::{can_be_verified, in_nfc, new_password},
};

/// The state of a user when a record last saw them. It tells a later state of the same user from another user with the
/// same ID: users who are restored from a backup can give an ID to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SeenUserFields", into = "SeenUserFields")]
pub(crate) struct SeenUser {
    email_address_counter: Counter,
    password_hash_counter: Counter,
    sessions_counter: Counter,
    email_address_hash: u64,
}

/// The stored form: short, because sessions are read often.
type SeenUserFields = (Counter, Counter, Counter, u64);

impl From<SeenUserFields> for SeenUser {
    fn from(fields: SeenUserFields) -> Self {
        let (email_address_counter, password_hash_counter, sessions_counter, email_address_hash) =
            fields;
        Self {
            email_address_counter,
            password_hash_counter,
            sessions_counter,
            email_address_hash,
        }
    }
}

impl From<SeenUser> for SeenUserFields {
    fn from(seen: SeenUser) -> Self {
        (
            seen.email_address_counter,
            seen.password_hash_counter,
            seen.sessions_counter,
            seen.email_address_hash,
        )
    }
}

impl SeenUser {
    pub(crate) fn new(user: &User) -> Self {
        Self {
            email_address_counter: user.email_address_counter,
            password_hash_counter: user.password_hash_counter,
            sessions_counter: user.sessions_counter,
            email_address_hash: email_address_hash(&user.email_address),
        }
    }

    /// Checks whether this can be an earlier state of the user: no counter went back, and the address is the same
    /// unless its counter has moved.
    pub(crate) fn can_precede(&self, user: &User) -> bool {
        self.email_address_counter <= user.email_address_counter
            && self.password_hash_counter <= user.password_hash_counter
            && self.sessions_counter <= user.sessions_counter
            && (self.email_address_counter < user.email_address_counter
                || self.email_address_hash == email_address_hash(&user.email_address))
    }

    /// Checks whether the user has changed since.
    pub(crate) fn is_outdated(&self, user: &User) -> bool {
        self.email_address_counter != user.email_address_counter
            || self.password_hash_counter != user.password_hash_counter
            || self.sessions_counter != user.sessions_counter
    }
}

/// Returns the FNV-1a hash of an address in lower case. Nobody gains from an address that has the same hash: it would
/// have to be the one of the other account.
fn email_address_hash(email_address: &str) -> u64 {
    email_address
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
        })
}

/// The state of a user that a flow remembers, to notice changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RememberedUser {
    pub(crate) id: UserId,
    pub(crate) disabled_counter: Counter,
    pub(crate) password_hash_counter: Counter,
    /// Remembered only by flows that a change of address ends.
    pub(crate) email_address_counter: Option<Counter>,
    /// The salt of the new hash, if the flow rehashes the user's unchanged password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rehash_salt: Option<Bytes>,
    /// Records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<SeenUser>,
}

impl RememberedUser {
    pub(crate) fn new(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            disabled_counter: user.disabled_counter,
            password_hash_counter: user.password_hash_counter,
            email_address_counter: None,
            rehash_salt: None,
            seen: Some(SeenUser::new(user)),
        }
    }

    pub(crate) fn with_email_address(user: &User) -> Self {
        Self {
            email_address_counter: Some(user.email_address_counter),
            ..Self::new(user)
        }
    }

    /// Checks whether the user has not changed in a way that ends the flow.
    pub(crate) fn is_unchanged(&self, user: &User) -> bool {
        user.id == self.id
            && !user.disabled
            && user.disabled_counter == self.disabled_counter
            && self.seen.as_ref().is_none_or(|seen| seen.can_precede(user))
            && self.has_same_password(user)
            && self
                .email_address_counter
                .is_none_or(|counter| counter == user.email_address_counter)
    }

    /// Checks whether the user's password hash is the remembered one, or the flow's own rehash of it.
    fn has_same_password(&self, user: &User) -> bool {
        let is_rehash = || {
            let salt = self.rehash_salt.as_ref().filter(|salt| !salt.is_empty());
            self.password_hash_counter.next() == Some(user.password_hash_counter)
                && salt == Some(&PasswordHash::from(user).to_parts().salt)
        };
        user.password_hash_counter == self.password_hash_counter || is_rehash()
    }
}

/// The outcome of an attempt to verify a user's password.
#[derive(Debug)]
pub(crate) enum PasswordAttempt {
    /// No attempt is left.
    RateLimited,
    Incorrect,
    /// The password is correct; the place is for rehashing it.
    Correct(HashingPlace),
}

/// The owner of a new password.
#[derive(Debug)]
pub(crate) struct PasswordOwner<'a> {
    pub(crate) email_address: &'a str,
    pub(crate) display_name: &'a str,
    /// The hash of the current password if the new one must differ from it. Only for flows that have verified it:
    /// otherwise the answer would tell the password to a guesser.
    pub(crate) current_hash: Option<PasswordHash>,
}

impl<'a> From<&'a User> for PasswordOwner<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            email_address: &user.email_address,
            display_name: &user.display_name,
            current_hash: None,
        }
    }
}

/// The outcome of setting a flow's new password.
#[derive(Debug)]
pub(crate) enum NewPassword {
    InvalidLength,
    Weak,
    /// The password is weak, and the last that the flow may send: the flow has ended.
    WeakOnceTooOften,
    Set,
}

impl Invocation<'_> {
    /// Reads the user with this ID. An answer about another user is a fault.
    pub(crate) async fn user(&self, id: &UserId) -> Result<Option<User>, Fault> {
        let user = self
            .call_user_store("read a user", self.user_store().get_user(id))
            .await?;
        right_user(user, |user| user.id == *id)
    }

    pub(crate) async fn update_user_email_address(
        &self,
        id: &UserId,
        email_address: &str,
        counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, Fault> {
        let update = self
            .user_store()
            .update_user_email_address(id, email_address, counter);
        self.call_user_store("update a user's email address", update)
            .await
    }

    pub(crate) async fn update_user_password_hash(
        &self,
        id: &UserId,
        password_hash: &PasswordHash,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, Fault> {
        let update = self
            .user_store()
            .update_user_password_hash(id, password_hash, counter);
        self.call_user_store("update a user's password hash", update)
            .await
    }

    pub(crate) async fn increment_user_sessions_counter(
        &self,
        id: &UserId,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, Fault> {
        let increment = self
            .user_store()
            .increment_user_sessions_counter(id, counter);
        self.call_user_store("increment a user's sessions counter", increment)
            .await
    }

    pub(crate) async fn delete_user(&self, id: &UserId) -> Result<UpdateUserOutcome, Fault> {
        self.call_user_store("delete a user", self.user_store().delete_user(id))
            .await
    }

    async fn call_user_store<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, AdapterError>> + Send,
    ) -> Result<T, Fault> {
        self.within(self.timeouts().user_store, operation, call)
            .await
    }

    /// Consumes an attempt and verifies a password. A text that no password can be is not hashed.
    pub(crate) async fn try_password(
        &self,
        user: &User,
        password: &Password,
    ) -> Result<PasswordAttempt, Fault> {
        let hash = PasswordHash::from(user);
        self.hasher().check_user_hash(&hash)?;
        let attempts = Bucket::verify_user_password(self.rate_limits(), user.id.as_str());
        let place = self.consume_if(&attempts, |_| self.hasher().place());
        let Some(place) = place.await? else {
            return Ok(PasswordAttempt::RateLimited);
        };
        if can_be_verified(password) && self.is_password(&place, password, &hash).await? {
            Ok(PasswordAttempt::Correct(place))
        } else {
            Ok(PasswordAttempt::Incorrect)
        }
    }

    /// Checks whether the hash is of this password as it was typed, or in NFC if that differs: new passwords are hashed
    /// in NFC, and systems differ in the form that they type.
    async fn is_password(
        &self,
        place: &HashingPlace,
        password: &Password,
        hash: &PasswordHash,
    ) -> Result<bool, Fault> {
        let verify = async |password: &Password| {
            let verify = self
                .hasher()
                .verify_user_password(place, password.expose(), hash);
            self.in_time("verify a password", verify).await
        };
        let verification = match (verify(password).await?, in_nfc(password)) {
            (Verification::Incorrect, Some(normalized)) => verify(&normalized).await?,
            (verification, _) => verification,
        };
        match verification {
            Verification::Correct => Ok(true),
            Verification::Incorrect => Ok(false),
            Verification::Malformed(error) => {
                self.log(&error, false);
                Ok(false)
            }
        }
    }

    /// Checks the new password of a flow, and hashes and stores it if it may be used. Fails with [`Fault::Conflict`]
    /// while another password of the flow is on its way.
    pub(crate) async fn set_new_password<R: PasswordFlow>(
        &self,
        flow: &mut Held<R>,
        typed: &Password,
        owner: PasswordOwner<'_>,
    ) -> Result<NewPassword, Fault> {
        let Some(password) = new_password(typed, self.minimum_password_length()) else {
            return Ok(NewPassword::InvalidLength);
        };
        let PasswordOwner {
            email_address,
            display_name,
            current_hash,
        } = owner;
        let check = self.hasher().check(&flow.id)?;
        let is_strong = self.is_strong_enough(&password, email_address, display_name);
        if !is_strong.await? {
            return self.count_weak_password(flow).await;
        }
        let place = self.hasher().place_after(check)?;
        if let Some(current) = &current_hash
            && self.is_password(&place, typed, current).await?
        {
            return self.count_weak_password(flow).await;
        }
        let hash = self.hasher().hash_user_password(&place, password.expose());
        let hash = self.in_time("hash a password", hash).await?;
        flow.record.set_new_password_hash(hash);
        self.update(flow).await?;
        Ok(NewPassword::Set)
    }

    async fn count_weak_password<R: PasswordFlow>(
        &self,
        flow: &mut Held<R>,
    ) -> Result<NewPassword, Fault> {
        flow.record.weak_passwords_mut().count_one();
        self.update(flow).await?;
        if !flow.record.has_ended() {
            return Ok(NewPassword::Weak);
        }
        self.discard(flow).await;
        Ok(NewPassword::WeakOnceTooOften)
    }

    /// Rehashes a verified password if its hash does not use the current algorithm.
    pub(crate) async fn rehash(
        &self,
        user: &User,
        password: &Password,
        place: &HashingPlace,
    ) -> Option<PasswordHash> {
        if !self.hasher().is_outdated(&PasswordHash::from(user)) {
            return None;
        }
        let normalized = in_nfc(password);
        let password = normalized.as_ref().unwrap_or(password);
        let hash = self.hasher().hash_user_password(place, password.expose());
        self.tolerate(self.in_time("hash a password", hash).await)
    }

    /// Replaces the user's password hash if it was not changed since it was read, and ends sessions if so configured,
    /// except for the acting session, which was prepared for that.
    /// Returns the user with its new counters. Of concurrent updates one succeeds; the others fail with
    /// [`Fault::Conflict`].
    pub(crate) async fn change_password(
        &self,
        mut user: User,
        new_hash: &PasswordHash,
        acting: Option<Held<SessionRecord>>,
    ) -> Result<User, Fault> {
        let counter = user.password_hash_counter;
        let changed = self
            .update_user_password_hash(&user.id, new_hash, counter)
            .await;
        match &changed {
            Ok(UpdateUserOutcome::UserNotFound) => return Err(Fault::Conflict),
            Err(fault) if fault.is_conflict() => return Err(Fault::Conflict),
            // An update with an unknown outcome may have taken effect, so the sessions are ended before the fault is
            // returned.
            Ok(UpdateUserOutcome::Updated) | Err(_) => {}
        }
        self.finish();
        let ended = self.end_sessions_after_password_change(user.clone()).await;
        if let (Some(session), Ok(user)) = (acting, &ended) {
            self.keep_session(session, user).await;
        }
        let _: UpdateUserOutcome = changed?;
        user = ended.map_err(Fault::after_a_change)?;
        user.password_hash_counter = counter.next().unwrap_or(Counter::MAX);
        Ok(user)
    }
}

fn right_user(
    user: Option<User>,
    is_right: impl FnOnce(&User) -> bool,
) -> Result<Option<User>, Fault> {
    if user.as_ref().is_none_or(is_right) {
        Ok(user)
    } else {
        Err(
            AdapterError::message("read an answer of the user store: it is about another user")
                .into(),
        )
    }
}
