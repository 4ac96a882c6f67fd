//! Storages and user store with a hand on them: the next call of one kind fails, reports a lost race, or is held.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    protocol::types::Counter,
    storage::{
        AddOutcome, DeleteOutcome, Entry, MainStorage, RateLimitEntry, RateLimitStorage,
        UpdateOutcome,
    },
    time::UnixTime,
    user_store::{
        CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome, User, UserId,
        UserStore,
    },
};
use tokio::sync::oneshot;

/// A call that the server makes.
#[expect(missing_docs, reason = "the variants are the traits' methods")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    MainGet,
    MainSet,
    MainUpdate,
    MainDelete,
    RateLimitGet,
    RateLimitAdd,
    RateLimitUpdate,
    RateLimitDelete,
    CreateUser,
    GetUser,
    GetUserByEmailAddress,
    UpdateUserEmailAddress,
    UpdateUserPasswordHash,
    IncrementUserSessionsCounter,
    DeleteUser,
}

/// What happens at a call, before it does anything.
#[derive(Debug)]
enum Event {
    Fail,
    Conflict,
    Hold {
        reached: oneshot::Sender<()>,
        released: oneshot::Receiver<()>,
    },
}

/// What is planned for the calls to come.
#[derive(Debug, Default)]
pub struct Plan(Mutex<Vec<(Call, Event)>>);

/// A call that waits, or will.
#[derive(Debug)]
pub struct Held {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Held {
    /// Returns as soon as the call waits.
    pub async fn reached(&mut self) {
        (&mut self.reached).await.expect("the call is made");
    }

    /// Lets the call go on.
    pub fn release(self) {
        self.release.send(()).expect("the call is still waited for");
    }
}

impl Plan {
    /// The next call of this kind fails and does nothing.
    pub fn fail(&self, call: Call) {
        self.plan(call, Event::Fail);
    }

    /// The next call of this kind reports a lost race that changed nothing.
    pub fn conflict(&self, call: Call) {
        self.plan(call, Event::Conflict);
    }

    /// The next call of this kind waits until it is released, and then does what it should.
    pub fn hold(&self, call: Call) -> Held {
        let (reached_sender, reached) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.plan(
            call,
            Event::Hold {
                reached: reached_sender,
                released,
            },
        );
        Held { reached, release }
    }

    /// Asserts that everything that was planned has happened.
    #[track_caller]
    pub fn assert_done(&self) {
        let planned = self.0.lock().unwrap();
        assert!(planned.is_empty(), "never happened: {planned:?}");
    }

    fn plan(&self, call: Call, event: Event) {
        self.0.lock().unwrap().push((call, event));
    }

    async fn before(&self, call: Call) -> Result<(), AdapterError> {
        let event = {
            let mut planned = self.0.lock().unwrap();
            let next = planned.iter().position(|&(planned, _)| planned == call);
            next.map(|next| planned.remove(next).1)
        };
        match event {
            None => Ok(()),
            Some(Event::Fail) => Err(AdapterError::message("obey: the test said fail")),
            Some(Event::Conflict) => Err(AdapterError::conflict("obey", "the test said conflict")),
            Some(Event::Hold { reached, released }) => {
                reached.send(()).expect("the test waits for the call");
                released.await.expect("the test releases the call");
                Ok(())
            }
        }
    }
}

/// A port of the server to which the plan applies.
#[derive(Clone, Debug)]
pub struct Planned<P: ?Sized> {
    /// What is planned.
    pub plan: Arc<Plan>,
    /// What does the work.
    pub inner: Arc<P>,
}

#[async_trait]
impl MainStorage for Planned<dyn MainStorage> {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        self.plan.before(Call::MainGet).await?;
        self.inner.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Result<(), AdapterError> {
        self.plan.before(Call::MainSet).await?;
        self.inner.set(key, value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.plan.before(Call::MainUpdate).await?;
        self.inner.update(key, value, expires_at, counter).await
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        self.plan.before(Call::MainDelete).await?;
        self.inner.delete(key).await
    }
}

#[async_trait]
impl RateLimitStorage for Planned<dyn RateLimitStorage> {
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError> {
        self.plan.before(Call::RateLimitGet).await?;
        self.inner.get(key).await
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        self.plan.before(Call::RateLimitAdd).await?;
        self.inner.add(key, value, entry_id, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.plan.before(Call::RateLimitUpdate).await?;
        self.inner
            .update(key, value, expires_at, entry_id, counter)
            .await
    }

    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError> {
        self.plan.before(Call::RateLimitDelete).await?;
        self.inner.delete(key, entry_id, counter).await
    }
}

#[async_trait]
impl UserStore for Planned<dyn UserStore> {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        self.plan.before(Call::CreateUser).await?;
        self.inner.create_user(new_user).await
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        self.plan.before(Call::GetUser).await?;
        self.inner.get_user(user_id).await
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        self.plan.before(Call::GetUserByEmailAddress).await?;
        self.inner.get_user_by_email_address(email_address).await
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        self.plan.before(Call::UpdateUserEmailAddress).await?;
        self.inner
            .update_user_email_address(user_id, email_address, counter)
            .await
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.plan.before(Call::UpdateUserPasswordHash).await?;
        self.inner
            .update_user_password_hash(user_id, password_hash, counter)
            .await
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.plan.before(Call::IncrementUserSessionsCounter).await?;
        self.inner
            .increment_user_sessions_counter(user_id, counter)
            .await
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        self.plan.before(Call::DeleteUser).await?;
        self.inner.delete_user(user_id).await
    }
}
