//! A server over fakes, its users' steps, and adapters into which a test can step between two calls.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::{
    InvocationErrorKind, Server, ServerAction, ServerOptions, ServerParts, Storages,
    UserPasswordHashAlgorithms,
    background::{Background, BackgroundTasks},
    error::AdapterError,
    password::PasswordHash,
    protocol::{
        action::ErrorCode,
        secret::{
            Password, SessionToken, SigninToken, SignupToken, UserPasswordResetToken,
            UserPasswordUpdateToken,
        },
        session::GetSession,
        signin::{CompleteSignin, CreateSignin, VerifySigninUserPassword},
        signup::{
            CompleteSignup, CreateSignup, SetSignupPassword,
            VerifySignupEmailAddressVerificationCode,
        },
        user_password_reset::{
            CreateUserPasswordReset, SetUserPasswordResetNewPassword,
            VerifyUserPasswordResetTemporaryPassword,
        },
        user_password_update::{
            CompleteUserPasswordUpdate, CreateUserPasswordUpdate, SetUserPasswordUpdateNewPassword,
            VerifyUserPasswordUpdateUserPassword,
        },
    },
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::UnixTime,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_testkit::{
    clock::ManualClock, hasher::CountingHasher, log::ErrorLog, mailbox::Mailbox,
    storage::ReferenceStorage, user_store::ReferenceUserStore,
};

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "a password of ada's";
pub(crate) const NEW_PASSWORD: &str = "another password of ada's";

/// A server over fakes, and the fakes.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) hasher: Arc<CountingHasher>,
    pub(crate) temporary_hasher: Arc<CountingHasher>,
    pub(crate) storage: Arc<ReferenceStorage>,
    pub(crate) users: Arc<ReferenceUserStore>,
    pub(crate) log: Arc<ErrorLog>,
    pub(crate) server: Server,
}

/// Which storage the tests run over: `dropping`, or one that keeps everything for ever.
pub(crate) const STORAGE: &str = "FAROE_TEST_STORAGE";

/// The storage under the tests: one that never drops an entry, or one that drops it at its very expiry.
pub(crate) fn storage(clock: &Arc<ManualClock>) -> Arc<ReferenceStorage> {
    Arc::new(match std::env::var(STORAGE) {
        Ok(kind) if kind == "dropping" => {
            ReferenceStorage::dropping_expired(Arc::clone(clock) as _)
        }
        _ => ReferenceStorage::keeping_expired(),
    })
}

/// Every answer waits for all that comes of it, so that a test can look at that.
pub(crate) fn no_background() -> Arc<dyn Background> {
    Arc::new(BackgroundTasks::new(0))
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// A server whose parts and options are changed before it is put together.
    pub(crate) fn with(change: impl FnOnce(&mut ServerParts, &mut ServerOptions)) -> Self {
        let clock = Arc::default();
        Self::on(storage(&clock), clock, change)
    }

    pub(crate) fn on(
        storage: Arc<ReferenceStorage>,
        clock: Arc<ManualClock>,
        change: impl FnOnce(&mut ServerParts, &mut ServerOptions),
    ) -> Self {
        let (mailbox, users, log) = (
            Arc::<Mailbox>::default(),
            Arc::<ReferenceUserStore>::default(),
            Arc::default(),
        );
        let hasher = Arc::new(CountingHasher::new("first"));
        let temporary_hasher = Arc::new(CountingHasher::new("temporary"));
        let mut parts = ServerParts::new(
            Storages::single(Arc::clone(&storage)),
            Arc::clone(&users) as _,
            UserPasswordHashAlgorithms::new(Arc::clone(&hasher) as _),
            Arc::clone(&temporary_hasher) as _,
            Arc::clone(&mailbox) as _,
        );
        let mut options = ServerOptions::default();
        options.clock = Arc::clone(&clock) as _;
        options.error_logger = Arc::clone(&log) as _;
        options.background = no_background();
        change(&mut parts, &mut options);
        let server = Server::new(parts, options).unwrap();
        Self {
            clock,
            mailbox,
            hasher,
            temporary_hasher,
            storage,
            users,
            log,
            server,
        }
    }

    /// Another server over the same fakes, whose storage and user store a test can step into.
    pub(crate) fn beside(
        &self,
        change: impl FnOnce(&mut ServerParts, &mut ServerOptions),
    ) -> (Server, Arc<Interrupted>) {
        let interrupted = Arc::new(Interrupted {
            storage: Arc::clone(&self.storage),
            users: Arc::clone(&self.users),
            interruption: Mutex::default(),
        });
        let mut parts = ServerParts::new(
            Storages::single(Arc::clone(&interrupted)),
            Arc::clone(&interrupted) as _,
            UserPasswordHashAlgorithms::new(Arc::clone(&self.hasher) as _),
            Arc::clone(&self.temporary_hasher) as _,
            Arc::clone(&self.mailbox) as _,
        );
        let mut options = ServerOptions::default();
        options.clock = Arc::clone(&self.clock) as _;
        options.error_logger = Arc::clone(&self.log) as _;
        options.background = no_background();
        change(&mut parts, &mut options);
        (Server::new(parts, options).unwrap(), interrupted)
    }

    pub(crate) async fn create_signup(&self) -> SignupToken {
        self.server
            .invoke(CreateSignup {
                email_address: EMAIL.into(),
            })
            .await
            .unwrap()
            .signup_token
    }

    pub(crate) async fn verified_signup(&self) -> SignupToken {
        self.verified_signup_of(EMAIL).await
    }

    pub(crate) async fn completable_signup(&self) -> SignupToken {
        self.completable_signup_of(EMAIL).await
    }

    async fn completable_signup_of(&self, email_address: &str) -> SignupToken {
        let signup_token = self.verified_signup_of(email_address).await;
        let set = SetSignupPassword {
            signup_token: signup_token.clone(),
            password: PASSWORD.into(),
        };
        self.server.invoke(set).await.unwrap();
        signup_token
    }

    pub(crate) async fn sign_up(&self) -> SessionToken {
        self.sign_up_as(EMAIL).await
    }

    pub(crate) async fn sign_up_as(&self, email_address: &str) -> SessionToken {
        let signup_token = self.completable_signup_of(email_address).await;
        self.server
            .invoke(CompleteSignup { signup_token })
            .await
            .unwrap()
            .session_token
    }

    pub(crate) async fn create_signin(&self) -> SigninToken {
        self.server
            .invoke(CreateSignin {
                user_email_address: EMAIL.into(),
            })
            .await
            .unwrap()
            .signin_token
    }

    pub(crate) async fn completable_signin(&self) -> SigninToken {
        let signin_token = self.create_signin().await;
        let password = PASSWORD.into();
        let verify = VerifySigninUserPassword {
            signin_token: signin_token.clone(),
            password,
        };
        self.server.invoke(verify).await.unwrap();
        signin_token
    }

    pub(crate) async fn sign_in(&self) -> SessionToken {
        let signin_token = self.completable_signin().await;
        self.server
            .invoke(CompleteSignin { signin_token })
            .await
            .unwrap()
            .session_token
    }

    pub(crate) async fn completable_password_update(
        &self,
        session_token: &SessionToken,
    ) -> UserPasswordUpdateToken {
        let create = CreateUserPasswordUpdate {
            session_token: session_token.clone(),
        };
        let user_password_update_token = self
            .server
            .invoke(create)
            .await
            .unwrap()
            .user_password_update_token;
        let verify = VerifyUserPasswordUpdateUserPassword {
            session_token: session_token.clone(),
            user_password_update_token: user_password_update_token.clone(),
            password: PASSWORD.into(),
        };
        self.server.invoke(verify).await.unwrap();
        let set = SetUserPasswordUpdateNewPassword {
            session_token: session_token.clone(),
            user_password_update_token: user_password_update_token.clone(),
            password: NEW_PASSWORD.into(),
        };
        self.server.invoke(set).await.unwrap();
        user_password_update_token
    }

    pub(crate) async fn update_password(&self, session_token: &SessionToken) {
        let user_password_update_token = self.completable_password_update(session_token).await;
        let session_token = session_token.clone();
        let complete = CompleteUserPasswordUpdate {
            session_token,
            user_password_update_token,
        };
        self.server.invoke(complete).await.unwrap();
    }

    pub(crate) async fn completable_reset(&self) -> UserPasswordResetToken {
        let create = CreateUserPasswordReset {
            user_email_address: EMAIL.into(),
        };
        let user_password_reset_token = self
            .server
            .invoke(create)
            .await
            .unwrap()
            .user_password_reset_token;
        let verify = VerifyUserPasswordResetTemporaryPassword {
            user_password_reset_token: user_password_reset_token.clone(),
            temporary_password: self.mailbox.last_temporary_password(EMAIL).unwrap(),
        };
        self.server.invoke(verify).await.unwrap();
        let set = SetUserPasswordResetNewPassword {
            user_password_reset_token: user_password_reset_token.clone(),
            password: NEW_PASSWORD.into(),
        };
        self.server.invoke(set).await.unwrap();
        user_password_reset_token
    }

    /// One attempt at the user's password in a signin of its own: the answer's error code, or `ok`.
    pub(crate) async fn try_password(&self, password: &str) -> &'static str {
        let signin_token = self.create_signin().await;
        let password = Password::from(password);
        outcome(
            &self.server,
            VerifySigninUserPassword {
                signin_token,
                password,
            },
        )
        .await
    }

    pub(crate) async fn is_signed_in(&self, session_token: &SessionToken) -> bool {
        self.server
            .invoke(GetSession {
                session_token: session_token.clone(),
            })
            .await
            .is_ok()
    }

    /// The user that signed up.
    pub(crate) fn user(&self) -> User {
        let mut users = self.users.users();
        assert_eq!(users.len(), 1);
        users.remove(0)
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// The keys of the records of this kind.
    pub(crate) fn records(&self, name: &str) -> Vec<String> {
        let prefix = format!("main.{name}.");
        self.storage
            .entries()
            .into_keys()
            .filter(|key| key.starts_with(&prefix))
            .collect()
    }
}

/// Invokes an action and names what came of it: `ok`, an error code, or `overloaded`.
pub(crate) async fn outcome<A: ServerAction>(server: &Server, action: A) -> &'static str {
    match server.invoke(action).await {
        Ok(_) => "ok",
        Err(error) => name(&error.kind),
    }
}

fn name<C: ErrorCode>(kind: &InvocationErrorKind<C>) -> &'static str {
    kind.error_code().unwrap_or("overloaded")
}

pub(crate) const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

type Happens =
    Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<(), AdapterError>> + Send>> + Send>;

/// The storage and the user store of a [`Harness`], into one of whose calls a test steps.
pub(crate) struct Interrupted {
    storage: Arc<ReferenceStorage>,
    users: Arc<ReferenceUserStore>,
    interruption: Mutex<Option<Interruption>>,
}

/// A call to step into.
struct Interruption {
    /// How it starts: `update main.signup`, `get_user`.
    call: &'static str,
    /// How many calls that start so pass before it.
    passing: usize,
    /// What happens before it.
    happens: Happens,
}

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupted")
    }
}

impl Interrupted {
    /// The next call that starts so waits until `interruption` has run; if that fails, so does the call.
    pub(crate) fn before<F>(
        &self,
        call: &'static str,
        interruption: impl FnOnce() -> F + Send + 'static,
    ) where
        F: Future<Output = Result<(), AdapterError>> + Send + 'static,
    {
        self.plan(call, 0, Box::new(move || Box::pin(interruption())));
    }

    /// After so many calls of any kind, one fails without doing anything.
    pub(crate) fn fail_after(&self, calls: usize, fault: fn() -> AdapterError) {
        self.plan(
            "",
            calls,
            Box::new(move || Box::pin(async move { Err(fault()) })),
        );
    }

    fn plan(&self, call: &'static str, passing: usize, happens: Happens) {
        *self.interruption.lock().unwrap() = Some(Interruption {
            call,
            passing,
            happens,
        });
    }

    /// The next call that starts so fails without doing anything.
    pub(crate) fn fail(&self, call: &'static str) {
        self.before(call, async || {
            Err(AdapterError::message("do what a test has forbidden"))
        });
    }

    /// The next call that starts so reports a lost race, without doing anything.
    pub(crate) fn conflict(&self, call: &'static str) {
        self.before(call, async || {
            Err(AdapterError::conflict("win a race", "a test has won it"))
        });
    }

    /// Nothing happens any more.
    pub(crate) fn forget(&self) {
        *self.interruption.lock().unwrap() = None;
    }

    /// Whether what was to happen has happened.
    pub(crate) fn has_happened(&self) -> bool {
        self.interruption.lock().unwrap().is_none()
    }

    async fn called(&self, call: String) -> Result<(), AdapterError> {
        let interruption = self
            .interruption
            .lock()
            .unwrap()
            .take_if(|interruption| interruption.is_due(&call));
        match interruption {
            Some(interruption) => (interruption.happens)().await,
            None => Ok(()),
        }
    }
}

impl Interruption {
    /// Whether this call is the one, and if not, whether it is one of those that pass before it.
    fn is_due(&mut self, call: &str) -> bool {
        if !call.starts_with(self.call) {
            return false;
        }
        let is_due = self.passing == 0;
        self.passing = self.passing.saturating_sub(1);
        is_due
    }
}

#[async_trait]
impl Storage for Interrupted {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        self.called(format!("get {key}")).await?;
        Storage::get(&self.storage, key).await
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        self.called(format!("add {key}")).await?;
        Storage::add(&self.storage, key, value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.called(format!("update {key}")).await?;
        Storage::update(&self.storage, key, value, expires_at, counter).await
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        self.called(format!("delete {key}")).await?;
        Storage::delete(&self.storage, key).await
    }
}

#[async_trait]
impl UserStore for Interrupted {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        self.called("create_user".to_owned()).await?;
        self.users.create_user(new_user).await
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        self.called("get_user".to_owned()).await?;
        self.users.get_user(user_id).await
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        self.called("get_user_by_email_address".to_owned()).await?;
        self.users.get_user_by_email_address(email_address).await
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        self.called("update_user_email_address".to_owned()).await?;
        self.users
            .update_user_email_address(user_id, email_address, email_address_counter)
            .await
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.called("update_user_password_hash".to_owned()).await?;
        self.users
            .update_user_password_hash(user_id, password_hash, password_hash_counter)
            .await
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.called("increment_user_sessions_counter".to_owned())
            .await?;
        self.users
            .increment_user_sessions_counter(user_id, sessions_counter)
            .await
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        self.called("delete_user".to_owned()).await?;
        self.users.delete_user(user_id).await
    }
}

impl Harness {
    pub(crate) async fn verified_signup_of(&self, email_address: &str) -> SignupToken {
        let create = CreateSignup {
            email_address: email_address.to_owned(),
        };
        let signup_token = self.server.invoke(create).await.unwrap().signup_token;
        let verify = VerifySignupEmailAddressVerificationCode {
            signup_token: signup_token.clone(),
            email_address_verification_code: self.mailbox.last_code(email_address).unwrap(),
        };
        self.server.invoke(verify).await.unwrap();
        signup_token
    }

    /// Returns when so many attempts at the user's password are left: the others hash by then or wait for a permit.
    pub(crate) async fn until_attempts_are_left(&self, attempts: usize) {
        let expected = format!("\"tokens\":{attempts},");
        let taken = || {
            let entries = self.storage.entries();
            let bucket = entries
                .iter()
                .find(|(key, _)| key.starts_with("rate_limit.verify_user_password"));
            bucket
                .is_some_and(|(_, entry)| String::from_utf8_lossy(&entry.value).contains(&expected))
        };
        while !taken() {
            tokio::task::yield_now().await;
        }
    }

    /// Returns when hashing has a free place again.
    pub(crate) async fn until_a_place_is_free(&self) {
        let create = || CreateUserPasswordReset {
            user_email_address: EMAIL.into(),
        };
        while outcome(&self.server, create()).await == "overloaded" {
            tokio::task::yield_now().await;
        }
    }
}
