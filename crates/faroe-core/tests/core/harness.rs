//! A server over fakes, and the steps of its users.
//!
//! # Glossary
//!
//! - **Fake**: a part of the server that lives in the test: `ReferenceStorage`, `ReferenceUserStore`, `ManualClock`, …
//! - **Mailbox**: the fake that keeps sent messages; tests read codes and temporary passwords from it.
//! - **Hasher**: the fake that counts password hashes; its *gate* holds them up.
//! - **Harness** (here): a new server and its fakes, with a method for each step that many tests take. A server *beside*
//!   another shares its fakes: the same deployment, one server more.
//! - **Faults**: the interceptor that records the calls of fakes, and makes chosen ones fail, wait or hang.
//! - **World** (`world.rs`): a harness whose user has a session and one flow of each kind, and arguments for every action.
//! - **Kind** (`scene/step.rs`): one of the actions. A **step** is a kind, taken for one of two flows at one of its stages.
//! - **Stage**: the number of steps that brought a flow to where it is; 0 is a flow that was just created.
//! - **Scene** (`scene.rs`): two sessions and two flows of each kind at every stage, made once and renewed for each case.
//!   Its server *through the interceptor* takes the steps under test; its *plain* server looks at the results.
//! - **Circumstances**: the settings in which one scene differs from another.
//! - **Observed** (`observed.rs`): everything that a user, the application and an operator see after some steps.
//! - **Explorer**: runs steps at once, in every order of their calls. Its **turnstile** stops each call until the explorer
//!   lets it through; a complete order is a **schedule**, and a schedule after which something is wrong a **violation**.
//! - **Exploration** (`interleavings.rs`): an explorer and the scene that it explores.
//! - **Sweep** (`faults.rs`): one step, taken once for each call and fault.
//! - **Model** (`model.rs`): the protocol in a few pages, whose answers random sequences compare with the server's.
//! - **Canary**: a secret, or a piece of one, that must not appear in logs or stores.
//! - **Effort**: quick by default, full in CI, thorough on request.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    InvocationErrorKind, Server, ServerAction, ServerOptions, ServerParts, Storages,
    UserPasswordHashAlgorithms,
    background::{Background, BackgroundTasks},
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
    user_store::User,
};
use faroe_testkit::{
    clock::ManualClock, fault::Faults, hasher::CountingHasher, log::ErrorLog, mailbox::Mailbox,
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

/// The environment variable that chooses the storage: `dropping`, or else one that keeps expired entries.
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

/// Returns the default options, without a bound on the emails of a server: tests send more than a site.
pub(crate) fn options() -> ServerOptions {
    let mut options = ServerOptions::default();
    options.rate_limits.emails_per_server.capacity = u32::MAX;
    options
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
        let mut options = options();
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

    /// Returns another server over the same fakes, and faults for its storage and user store.
    pub(crate) fn beside(
        &self,
        change: impl FnOnce(&mut ServerParts, &mut ServerOptions),
    ) -> (Server, Arc<Faults>) {
        let faults = Arc::<Faults>::default();
        let mut parts = ServerParts::new(
            Storages::single(faults.wrap(Arc::clone(&self.storage))),
            Arc::new(faults.wrap(Arc::clone(&self.users))),
            UserPasswordHashAlgorithms::new(Arc::clone(&self.hasher) as _),
            Arc::clone(&self.temporary_hasher) as _,
            Arc::clone(&self.mailbox) as _,
        );
        let mut options = options();
        options.clock = Arc::clone(&self.clock) as _;
        options.error_logger = Arc::clone(&self.log) as _;
        options.background = no_background();
        change(&mut parts, &mut options);
        (Server::new(parts, options).unwrap(), faults)
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
            .invoke(CompleteSignup::new(signup_token))
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

    pub(crate) async fn verified_password_update(
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
        user_password_update_token
    }

    pub(crate) async fn completable_password_update(
        &self,
        session_token: &SessionToken,
    ) -> UserPasswordUpdateToken {
        let user_password_update_token = self.verified_password_update(session_token).await;
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

    pub(crate) async fn verified_reset(&self) -> UserPasswordResetToken {
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
        user_password_reset_token
    }

    pub(crate) async fn completable_reset(&self) -> UserPasswordResetToken {
        let user_password_reset_token = self.verified_reset().await;
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

    /// The password hash that a signup has stored.
    pub(crate) async fn hash_of_signup(&self, signup_token: &SignupToken) -> PasswordHash {
        let id = signup_token.expose().split('.').next().unwrap();
        let entries = self.storage.entries();
        let entry = &entries[&format!("main.signup.{id}")];
        let stored: serde_json::Value = serde_json::from_slice(&entry.value).unwrap();
        serde_json::from_value(stored["record"]["password_hash"].clone()).unwrap()
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

/// Invokes an action and returns `ok`, its error code, or `overloaded`.
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
