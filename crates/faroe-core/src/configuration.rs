//! What a server is put together from, and how it can be tuned.

use std::{fmt, num::NonZeroUsize, sync::Arc, thread, time::Duration};

use crate::{
    background::{Background, BackgroundTasks},
    email::{AllowAllEmailAddresses, EmailAddressChecker, EmailSender},
    log::{ActionErrorLogger, TracingLogger},
    password::{AllowAllPasswords, PasswordHashAlgorithm, PasswordStrengthChecker},
    storage::{Cache, MainStorage, RateLimitStorage, Storage, namespace},
    time::{Clock, SystemClock},
    user_store::UserStore,
};

/// The required parts of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerParts {
    /// Where the server keeps its own, ephemeral data.
    pub storages: Storages,
    /// The application's users.
    pub user_store: Arc<dyn UserStore>,
    /// How users' passwords are hashed.
    pub user_password_hash_algorithms: UserPasswordHashAlgorithms,
    /// How the temporary passwords of password resets are hashed.
    pub temporary_password_hash_algorithm: Arc<dyn PasswordHashAlgorithm>,
    /// Sends codes, temporary passwords and notifications.
    pub email_sender: Arc<dyn EmailSender>,
}

impl ServerParts {
    /// Creates the parts of a server.
    pub fn new(
        storages: Storages,
        user_store: Arc<dyn UserStore>,
        user_password_hash_algorithms: UserPasswordHashAlgorithms,
        temporary_password_hash_algorithm: Arc<dyn PasswordHashAlgorithm>,
        email_sender: Arc<dyn EmailSender>,
    ) -> Self {
        Self {
            storages,
            user_store,
            user_password_hash_algorithms,
            temporary_password_hash_algorithm,
            email_sender,
        }
    }
}

/// The storages of the three roles.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Storages {
    /// Where records live.
    pub main: Arc<dyn MainStorage>,
    /// Where token buckets live; all servers that share users must share it, or limits are not exact.
    pub rate_limit: Arc<dyn RateLimitStorage>,
    /// Where validated sessions are remembered, if anywhere. It is used only with
    /// [`SessionConfiguration::cache_expiration`].
    pub cache: Option<Arc<dyn Cache>>,
}

impl Storages {
    /// Creates storages of a main storage and a rate limit storage, without a cache.
    pub fn new(main: Arc<dyn MainStorage>, rate_limit: Arc<dyn RateLimitStorage>) -> Self {
        Self {
            main,
            rate_limit,
            cache: None,
        }
    }

    /// One storage as main storage (keys `main.…`) and as rate limit storage (keys `rate_limit.…`), without a cache.
    ///
    /// [`namespace::cache`] makes a cache (keys `cache.…`) of the same storage or of another.
    pub fn single(storage: impl Storage) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let main = Arc::new(namespace::main(Arc::clone(&storage)));
        Self::new(main, Arc::new(namespace::rate_limit(storage)))
    }
}

/// How users' passwords are hashed. Hashes of all these algorithms can be verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserPasswordHashAlgorithms {
    /// The algorithm of new hashes. A user whose hash is of another is re-hashed with it when the password was verified.
    pub current: Arc<dyn PasswordHashAlgorithm>,
    /// Algorithms that were current once.
    pub previous: Vec<Arc<dyn PasswordHashAlgorithm>>,
}

impl UserPasswordHashAlgorithms {
    /// Creates algorithms of a current one, without previous ones.
    pub fn new(current: Arc<dyn PasswordHashAlgorithm>) -> Self {
        Self {
            current,
            previous: Vec::new(),
        }
    }
}

/// Optional settings. Start from [`ServerOptions::default`] and change fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// How long sessions live and how often they are checked.
    pub session: SessionConfiguration,
    /// How many attempts there are.
    pub rate_limits: RateLimits,
    /// How much hashing happens at once.
    pub hashing: Hashing,
    /// How long adapters are waited for.
    pub timeouts: Timeouts,
    /// Which addresses may be used. Default: all.
    pub email_address_checker: Arc<dyn EmailAddressChecker>,
    /// Which passwords are too weak. Default: none is.
    pub password_strength_checker: Arc<dyn PasswordStrengthChecker>,
    /// Where faults are reported. Default: [`TracingLogger`].
    pub error_logger: Arc<dyn ActionErrorLogger>,
    /// What the time is. Default: [`SystemClock`].
    pub clock: Arc<dyn Clock>,
    /// When work is done that no answer needs. Default: [`BackgroundTasks`].
    pub background: Arc<dyn Background>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            session: SessionConfiguration::default(),
            rate_limits: RateLimits::default(),
            hashing: Hashing::default(),
            timeouts: Timeouts::default(),
            email_address_checker: Arc::new(AllowAllEmailAddresses),
            password_strength_checker: Arc::new(AllowAllPasswords),
            error_logger: Arc::new(TracingLogger),
            clock: Arc::new(SystemClock),
            background: Arc::new(BackgroundTasks::default()),
        }
    }
}

/// How long sessions live and how often they are checked. It is applied when a session is used, not when it is created:
/// a change of configuration takes effect on the sessions that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionConfiguration {
    /// A session that was not used for so long is dead. Default: 30 days.
    pub inactivity_timeout: Duration,
    /// The time of the last use is recorded at most once in so long, so that a session may die by this much too early.
    /// Default: 1 minute.
    pub activity_check_interval: Duration,
    /// A session that was created so long ago is dead, however it is used. Default: never.
    pub absolute_expiration: Option<Duration>,
    /// With a cache: a validated session is believed for so long without asking anyone. Default: not at all.
    pub cache_expiration: Option<Duration>,
    /// Without a cache: the user store is not asked again about a session's user for so long. Default: it is always
    /// asked.
    pub user_cache_expiration: Option<Duration>,
    /// Whether a password update or reset ends the user's other sessions. Default: they survive, as the protocol says.
    pub end_other_sessions_on_password_change: bool,
}

impl Default for SessionConfiguration {
    fn default() -> Self {
        Self {
            inactivity_timeout: Duration::from_secs(30 * 24 * 60 * 60),
            activity_check_interval: Duration::from_secs(60),
            absolute_expiration: None,
            cache_expiration: None,
            user_cache_expiration: None,
            end_other_sessions_on_password_change: false,
        }
    }
}

/// The token buckets. The defaults are the protocol's: 5 attempts each, and one more per interval.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Attempts at the password of one user. Default: one per minute.
    pub verify_user_password: RateLimit,
    /// Emails to one address. Default: one per 30 minutes.
    pub send_email: RateLimit,
    /// Attempts at the code of one signup or user email address update. Default: one per minute.
    pub verify_email_address_verification_code: RateLimit,
    /// Attempts at the temporary password of one user password reset. Default: one per minute.
    pub verify_temporary_password: RateLimit,
}

impl Default for RateLimits {
    fn default() -> Self {
        let five_one_per = |seconds| RateLimit {
            capacity: 5,
            interval: Duration::from_secs(seconds),
        };
        Self {
            verify_user_password: five_one_per(60),
            send_email: five_one_per(30 * 60),
            verify_email_address_verification_code: five_one_per(60),
            verify_temporary_password: five_one_per(60),
        }
    }
}

/// One token bucket: it starts with `capacity` tokens, and one comes back per interval, up to `capacity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many attempts are let through at once; at least 1.
    pub capacity: u32,
    /// After how long one attempt comes back; whole milliseconds count, at least 1.
    pub interval: Duration,
}

/// How much hashing happens at once. Argon2id with 64 MiB takes that much memory for each permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hashing {
    /// How many hashes are computed at once; at least 1. Default: the machine's parallelism less one, and at least 1.
    pub permits: usize,
    /// How many more may wait for a permit. Beyond that a request is refused as overloaded. Default: 16 for each permit,
    /// about two seconds of work.
    pub queue: usize,
}

impl Default for Hashing {
    fn default() -> Self {
        let permits = thread::available_parallelism()
            .map_or(1, NonZeroUsize::get)
            .saturating_sub(1)
            .max(1);
        Self {
            permits,
            queue: 16 * permits,
        }
    }
}

/// How long adapters are waited for. What takes longer has failed, and its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// A whole action, however many adapters are slow; no other limit reaches beyond it. The time of one storage call is
    /// kept of it for finishing what was begun and for clearing away. Default: 10 seconds.
    pub action: Duration,
    /// One call of a storage or cache. Default: 2 seconds.
    pub storage: Duration,
    /// One call of the user store. Default: 2 seconds.
    pub user_store: Duration,
    /// The email address checker or the password strength checker. Default: 5 seconds.
    pub checker: Duration,
    /// An email with a code or a temporary password. Default: 8 seconds.
    pub email: Duration,
    /// A notification, which no action depends on. Default: 2 seconds.
    pub notification: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            action: Duration::from_secs(10),
            storage: Duration::from_secs(2),
            user_store: Duration::from_secs(2),
            checker: Duration::from_secs(5),
            email: Duration::from_secs(8),
            notification: Duration::from_secs(2),
        }
    }
}

/// A configuration that no server can work with. `Display` says which setting is wrong and what it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError(String);

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigurationError {}

fn require(condition: bool, message: impl Into<String>) -> Result<(), ConfigurationError> {
    if condition {
        Ok(())
    } else {
        Err(ConfigurationError(message.into()))
    }
}

/// Refuses what would hang, lock everyone out or make no sense.
pub(crate) fn check(
    parts: &ServerParts,
    options: &ServerOptions,
) -> Result<(), ConfigurationError> {
    check_session(&options.session, parts.storages.cache.is_some())?;
    check_rate_limits(&options.rate_limits)?;
    check_algorithms(&parts.user_password_hash_algorithms)?;
    require(
        options.hashing.permits > 0,
        "hashing permits must be at least 1",
    )?;
    let Timeouts {
        action,
        storage,
        user_store,
        checker,
        email,
        notification,
    } = options.timeouts;
    for timeout in [action, storage, user_store, checker, email, notification] {
        require(!timeout.is_zero(), "every timeout must be longer than zero")?;
    }
    Ok(())
}

fn check_session(
    session: &SessionConfiguration,
    has_cache: bool,
) -> Result<(), ConfigurationError> {
    require(
        !session.inactivity_timeout.is_zero(),
        "the session inactivity timeout must be longer than zero",
    )?;
    let durations = [
        ("absolute expiration", session.absolute_expiration),
        ("cache expiration", session.cache_expiration),
        ("user cache expiration", session.user_cache_expiration),
    ];
    for (name, duration) in durations {
        require(
            duration.is_none_or(|d| !d.is_zero()),
            format!("the session {name} must be longer than zero"),
        )?;
    }
    require(
        session.cache_expiration.is_none() || has_cache,
        "a session cache expiration needs a cache; without one, set the user cache expiration",
    )?;
    require(
        session.cache_expiration.is_none() || session.user_cache_expiration.is_none(),
        "set either the session cache expiration (with a cache) or the user cache expiration (without), not both",
    )?;
    let unseen = session
        .activity_check_interval
        .saturating_add(session.cache_expiration.unwrap_or_default());
    require(
        unseen < session.inactivity_timeout,
        "the session inactivity timeout must be longer than the activity check interval and the cache expiration \
         together, or sessions in use would die",
    )
}

fn check_rate_limits(limits: &RateLimits) -> Result<(), ConfigurationError> {
    let limits = [
        ("verify user password", limits.verify_user_password),
        ("send email", limits.send_email),
        (
            "verify email address verification code",
            limits.verify_email_address_verification_code,
        ),
        (
            "verify temporary password",
            limits.verify_temporary_password,
        ),
    ];
    for (name, limit) in limits {
        let message = format!(
            "the rate limit `{name}` must have a capacity of at least 1 and an interval of 1 ms"
        );
        require(
            limit.capacity > 0 && limit.interval.as_millis() > 0,
            message,
        )?;
    }
    Ok(())
}

fn check_algorithms(algorithms: &UserPasswordHashAlgorithms) -> Result<(), ConfigurationError> {
    let mut ids = vec![algorithms.current.id()];
    for previous in &algorithms.previous {
        let message = format!(
            "the password hash algorithm `{}` is configured twice",
            previous.id()
        );
        require(!ids.contains(&previous.id()), message)?;
        ids.push(previous.id());
    }
    Ok(())
}
