//! The parts and the options of a server.

use std::{fmt, num::NonZeroUsize, sync::Arc, thread, time::Duration};

use crate::{
    background::{Background, BackgroundTasks},
    email::{AllowAllEmailAddresses, EmailAddressChecker, EmailSender},
    log::{ActionErrorLogger, TracingLogger},
    password::{
        AllowAllPasswords, PasswordHashAlgorithm, PasswordHashVerifier, PasswordStrengthChecker,
    },
    storage::{Cache, MainStorage, RateLimitStorage, Storage, namespace},
    time::{Clock, SystemClock},
    user_store::{AllowAllUserFields, EmailAddressCase, UserFieldsValidator, UserStore},
};

/// The required parts of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerParts {
    /// The storages for the server's own, ephemeral data.
    pub storages: Storages,
    /// The application's users.
    pub user_store: Arc<dyn UserStore>,
    /// The hash algorithms for users' passwords.
    pub user_password_hash_algorithms: UserPasswordHashAlgorithms,
    /// The hash algorithm for the temporary passwords of password resets.
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
    /// The storage for records.
    pub main: Arc<dyn MainStorage>,
    /// The storage for token buckets. Servers that share users must share it, or limits are not exact.
    pub rate_limit: Arc<dyn RateLimitStorage>,
    /// The cache for validated sessions, if there is one. Used only with [`SessionConfiguration::cache_expiration`].
    pub cache: Option<Arc<dyn Cache>>,
}

impl Storages {
    /// Creates storages without a cache.
    pub fn new(main: Arc<dyn MainStorage>, rate_limit: Arc<dyn RateLimitStorage>) -> Self {
        Self {
            main,
            rate_limit,
            cache: None,
        }
    }

    /// Uses one storage as main storage (keys `main.…`) and as rate limit storage (keys `rate_limit.…`), without a
    /// cache.
    ///
    /// [`namespace::cache`] turns the same storage or another into a cache (keys `cache.…`).
    pub fn single(storage: impl Storage) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let main = Arc::new(namespace::main(Arc::clone(&storage)));
        Self::new(main, Arc::new(namespace::rate_limit(storage)))
    }
}

/// The hash algorithms for users' passwords. Hashes of all of them are verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserPasswordHashAlgorithms {
    /// The algorithm for new hashes. A password whose hash uses a previous algorithm is rehashed when it is next
    /// verified.
    pub current: Arc<dyn PasswordHashAlgorithm>,
    /// Verifiers of existing hashes of other kinds: algorithms that are no longer used for new hashes, and other
    /// software.
    pub previous: Vec<Arc<dyn PasswordHashVerifier>>,
}

impl UserPasswordHashAlgorithms {
    /// Creates algorithms with a current one and no previous ones.
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
    /// Session lifetimes and checks.
    pub session: SessionConfiguration,
    /// The limits on attempts, emails and flows.
    pub rate_limits: RateLimits,
    /// The bounds on concurrent hashing.
    pub hashing: Hashing,
    /// The timeouts of actions and adapters.
    pub timeouts: Timeouts,
    /// The comparison of email addresses. The user store must ignore letter case for [`EmailAddressCase::Ignore`].
    /// Default: [`EmailAddressCase::Exact`].
    pub email_address_case: EmailAddressCase,
    /// The names of the fields that a client may give at sign-up. No other field reaches the user store. Default: none.
    pub signup_fields: Vec<String>,
    /// Decides which fields of a sign-up are acceptable, before the user store does. Default: [`AllowAllUserFields`].
    pub user_fields_validator: Arc<dyn UserFieldsValidator>,
    /// Decides which email addresses may be used. Default: [`AllowAllEmailAddresses`].
    pub email_address_checker: Arc<dyn EmailAddressChecker>,
    /// The smallest number of characters of a new password (Unicode scalar values in NFC), from 8 to 64. Passwords that
    /// exist may be shorter. Default: 10.
    pub minimum_password_length: usize,
    /// Decides which passwords are too weak. Default: [`AllowAllPasswords`].
    pub password_strength_checker: Arc<dyn PasswordStrengthChecker>,
    /// The name of the product, as its users know it. A strength checker can refuse passwords that are made from it.
    /// Default: empty.
    pub product_name: String,
    /// Reports faults. Default: [`TracingLogger`].
    pub error_logger: Arc<dyn ActionErrorLogger>,
    /// The clock used for every expiry and limit. Default: [`SystemClock`].
    pub clock: Arc<dyn Clock>,
    /// Runs work that no answer depends on. Default: [`BackgroundTasks`].
    pub background: Arc<dyn Background>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            session: SessionConfiguration::default(),
            rate_limits: RateLimits::default(),
            hashing: Hashing::default(),
            timeouts: Timeouts::default(),
            email_address_case: EmailAddressCase::default(),
            signup_fields: Vec::new(),
            user_fields_validator: Arc::new(AllowAllUserFields),
            email_address_checker: Arc::new(AllowAllEmailAddresses),
            minimum_password_length: 10,
            password_strength_checker: Arc::new(AllowAllPasswords),
            product_name: String::new(),
            error_logger: Arc::new(TracingLogger),
            clock: Arc::new(SystemClock),
            background: Arc::new(BackgroundTasks::default()),
        }
    }
}

/// Session lifetimes and checks. They apply when a session is used, not when it is created, so a change of
/// configuration takes effect on existing sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionConfiguration {
    /// Sessions unused for this long expire. Default: 30 days.
    pub inactivity_timeout: Duration,
    /// The last use is recorded at most once per interval, so a session may expire up to one interval early. Default: 1
    /// minute.
    pub activity_check_interval: Duration,
    /// Sessions expire this long after their creation, even while in use. Default: never.
    pub absolute_expiration: Option<Duration>,
    /// With a cache, a validated session is served from it for this long. Default: not cached.
    pub cache_expiration: Option<Duration>,
    /// Without a cache, a session's user is not read again for this long. Default: read at every check.
    pub user_cache_expiration: Option<Duration>,
    /// Ends the user's other sessions when a password update or reset is completed. Default: on.
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
            end_other_sessions_on_password_change: true,
        }
    }
}

/// The limits on attempts, emails and flows. The defaults for attempts and emails are the protocol's: 5 each, and one more per
/// interval.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Attempts to verify the password of one user. Default: one per minute.
    pub verify_user_password: RateLimit,
    /// Emails to one address. Default: one per 30 minutes.
    pub send_email: RateLimit,
    /// Attempts to verify the code of one signup or user email address update. Default: one per minute.
    pub verify_email_address_verification_code: RateLimit,
    /// Attempts to verify the temporary password of one user password reset. Default: one per minute.
    pub verify_temporary_password: RateLimit,
    /// Signins that begin for one user. Beyond that, `create_signin` is rejected as overloaded. A signin is a record for ten
    /// minutes, so one user has at most 530. By default, a password can be verified once a minute, so more signins would be of
    /// no use. Default: 500, and one more every 20 seconds: clients that `faroe-axum` limits to
    /// 200 attempts at once and one every 30 seconds cannot use them up alone, not even on two servers.
    pub create_signin: RateLimit,
    /// User password updates and user deletions that the sessions of one user begin. Beyond that, they are rejected as
    /// overloaded. Default: 60, and one more every 10 seconds.
    pub create_session_flow: RateLimit,
    /// The number of signins, user password updates and user deletions that may begin within ten minutes on this server; at
    /// least 1. Beyond that, they are rejected as overloaded. Beyond half of it, so are those of users who have begun ten
    /// lately. Default: 100,000, a fifth of the default bound of the storage in memory.
    pub begun_flows: u32,
    /// Emails that this server sends at the request of clients, to all addresses together. Sign-up codes, codes to new
    /// addresses of users, and temporary passwords have a budget of this size each, so that a flood of one kind leaves the
    /// others alone. Beyond it, actions answer `rate_limited`. Default: 1,000, and one more per second.
    ///
    /// A site that sends less than 3,600 codes an hour never meets the default. A flood costs at most 87,400 emails of its kind
    /// on the first day and 86,400 on any other.
    pub emails_per_server: RateLimit,
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
            create_signin: RateLimit {
                capacity: 500,
                interval: Duration::from_secs(20),
            },
            create_session_flow: RateLimit {
                capacity: 60,
                interval: Duration::from_secs(10),
            },
            begun_flows: 100_000,
            emails_per_server: RateLimit {
                capacity: 1000,
                interval: Duration::from_secs(1),
            },
        }
    }
}

/// The size and refill interval of a token bucket. It starts with `capacity` tokens and regains one per interval, up to
/// `capacity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The number of attempts allowed at once; at least 1.
    pub capacity: u32,
    /// The time in which one attempt is regained, in whole milliseconds; at least 1 ms.
    pub interval: Duration,
}

/// The bounds on concurrent hashing. Argon2id with 64 MiB takes that much memory for each permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hashing {
    /// The number of concurrent hashes; at least 1. Default: the machine's parallelism minus one, and at least 1.
    pub permits: usize,
    /// The number of further hashes that may wait for a permit. Beyond that, requests are rejected as overloaded.
    /// Default: 16 for each permit, about two seconds of work.
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

/// The timeouts of actions and adapters. A call that times out has failed, and its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// A whole action; it cuts every other timeout short. The time of one storage call is reserved for finishing and
    /// cleaning up. Default: 10 seconds.
    pub action: Duration,
    /// One call of a storage or cache. Default: 2 seconds.
    pub storage: Duration,
    /// One call of the user store. Default: 4 seconds. A sign-up, the longest chain of calls that may follow a late answer,
    /// makes two: it creates the user, and looks for it if the answer is late. Both fit into the action's 10 seconds, of
    /// which 2 are reserved for finishing.
    pub user_store: Duration,
    /// One call of the email address checker or the password strength checker. Default: 5 seconds.
    pub checker: Duration,
    /// An email with a code or a temporary password. Default: 8 seconds.
    pub email: Duration,
    /// A notification. Default: 2 seconds.
    pub notification: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            action: Duration::from_secs(10),
            storage: Duration::from_secs(2),
            user_store: Duration::from_secs(4),
            checker: Duration::from_secs(5),
            email: Duration::from_secs(8),
            notification: Duration::from_secs(2),
        }
    }
}

/// An invalid configuration. `Display` names the setting and what it must be.
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

/// Rejects settings that would hang the server, lock everyone out or contradict each other.
pub(crate) fn check(
    parts: &ServerParts,
    options: &ServerOptions,
) -> Result<(), ConfigurationError> {
    check_session(&options.session, parts.storages.cache.is_some())?;
    check_rate_limits(&options.rate_limits)?;
    check_algorithms(&parts.user_password_hash_algorithms)?;
    require(
        (8..=64).contains(&options.minimum_password_length),
        "the minimum length of new passwords must be from 8 to 64",
    )?;
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
         together, or sessions in use would expire",
    )
}

fn check_rate_limits(limits: &RateLimits) -> Result<(), ConfigurationError> {
    let begun_flows = limits.begun_flows;
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
        ("create signin", limits.create_signin),
        ("create session flow", limits.create_session_flow),
        ("emails per server", limits.emails_per_server),
    ];
    require(
        begun_flows > 0,
        "the rate limit `begun flows` must be at least 1",
    )?;
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
    let UserPasswordHashAlgorithms { current, previous } = algorithms;
    let mut names = vec![current.id()];
    for previous in previous {
        let name = previous.name();
        require(
            !names.contains(&name),
            format!("the password hash algorithm `{name}` is configured twice"),
        )?;
        names.push(name);
    }
    require(
        names.iter().all(|name| !name.is_empty()),
        "the ID of a password hash algorithm must not be empty",
    )
}
