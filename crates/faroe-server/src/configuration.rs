//! What the server was told: command line, environment and file, brought together and checked.

mod email;
mod file;
mod ip_rate_limit;
mod passwords;
mod place;
mod secret;
mod user_server;
mod value;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use faroe_argon2::Parameters;
use faroe_axum::ip_rate_limit::IpRateLimitOptions;
use faroe_core::{Hashing, RateLimits, SessionConfiguration};
use faroe_users_table::UsersTable;

use self::file::File;
pub use self::passwords::BreachCheck;
pub(crate) use self::{
    email::Email,
    passwords::Passwords,
    place::{EmailSenderPlace, StoragePlace, UserStorePlace},
    secret::Secret,
    user_server::{Credentials, UserServer},
    value::Origin,
};
use crate::{
    arguments::{Arguments, Mode, Url},
    error::StartError,
};

/// How to give them.
const CREDENTIALS: &str = "set user_server.bearer_tokens or user_server.keys, or put a token of 32 characters or more into \
    FAROE_USER_SERVER_BEARER_TOKEN (openssl rand -base64 32 makes one)";

/// Everything that the server needs to know to start.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub(crate) mode: Mode,
    pub(crate) listen: SocketAddr,
    pub(crate) log: String,
    /// The folder that has to be there, if a file with a default name is in it.
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the server's own, ephemeral data is.
    pub(crate) main_storage: StoragePlace,
    pub(crate) rate_limit_storage: StoragePlace,
    /// Where validated sessions are remembered, if anywhere.
    pub(crate) cache: Option<StoragePlace>,
    pub(crate) user_store: UserStorePlace,
    /// How the users' table looks, if it is one that exists already.
    pub(crate) users_table: Option<UsersTable>,
    /// How emails are sent, in production mode.
    pub(crate) email_sender: Option<EmailSenderPlace>,
    pub(crate) email: Email,
    /// How a user server is asked, or who may ask when this is one.
    pub(crate) user_server: Option<UserServer>,
    pub(crate) session: SessionConfiguration,
    pub(crate) hashing: Hashing,
    /// How new user passwords are hashed.
    pub(crate) password_hash: Parameters,
    /// Whether the faster implementation computes the hashes, which nobody has audited.
    pub(crate) hashes_fast: bool,
    /// How user passwords were hashed once.
    pub(crate) previous_password_hashes: Vec<Parameters>,
    pub(crate) rate_limits: RateLimits,
    /// What each client address may do, if that is limited.
    pub(crate) ip_rate_limit: Option<IpRateLimitOptions>,
    pub(crate) passwords: Passwords,
    pub(crate) http: Http,
}

/// How the server behaves on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Http {
    pub(crate) max_connections: u32,
    /// How long a request head may take. A connection may idle up to twice as long before the next one.
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) request_timeout: Duration,
    /// How long a client may leave the response unread.
    pub(crate) write_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
    /// Which web pages may read answers; in development mode those of this machine may, too.
    pub(crate) allowed_origins: Vec<Origin>,
    pub(crate) blocked_actions: Vec<String>,
}

impl Configuration {
    /// Reads the configuration file, if one is named, and brings it together with the arguments: an argument wins over
    /// the file, and the file over the default.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a key that does not exist, a value that makes no sense, or settings that do not fit
    /// together.
    pub fn load(arguments: &Arguments) -> Result<Self, StartError> {
        let configuration = Self::read(arguments)?;
        configuration.check()?;
        Ok(configuration)
    }

    /// Like [`Configuration::load`], for a [`UserServerInstance`](crate::UserServerInstance), which needs less.
    ///
    /// # Errors
    ///
    /// As above. A user server has its users in a database and knows who may ask.
    pub fn load_user_server(arguments: &Arguments) -> Result<Self, StartError> {
        let configuration = Self::read(arguments)?;
        configuration.check_user_server()?;
        Ok(configuration)
    }

    fn read(arguments: &Arguments) -> Result<Self, StartError> {
        let file = arguments
            .config
            .as_deref()
            .map_or_else(|| Ok(File::default()), File::read)?;
        let places = Places::choose(arguments, &file)?;
        if file.users_table.is_some() && places.user_store.is_none() {
            return Err(StartError::new(
                "users_table describes a table that exists: name its database with user_store",
            ));
        }
        let mode = arguments.mode.or(file.mode).unwrap_or_default();
        let passwords = file.passwords.resolve(arguments, mode)?;
        Self::merge(arguments.clone(), file, places, mode, passwords)
    }

    fn merge(
        arguments: Arguments,
        file: File,
        places: Places,
        mode: Mode,
        passwords: Passwords,
    ) -> Result<Self, StartError> {
        let ip_rate_limit = ip_rate_limit::resolve(file.ip_rate_limit, &arguments)?;
        let data_dir = arguments
            .data_dir
            .or(file.data_dir)
            .unwrap_or_else(|| "./faroe-data".into());
        let Places {
            main_storage,
            rate_limit_storage,
            cache,
            user_store,
            email_sender,
        } = places;
        let uses_data_dir =
            main_storage.is_none() || rate_limit_storage.is_none() || user_store.is_none();
        let default_storage = || StoragePlace::Sqlite(data_dir.join("storage.sqlite3"));
        let session = file.session.resolve();
        let hashes_fast = file.hashing.fast;
        let (hashing, password_hash, previous_password_hashes) = file.hashing.resolve();
        Ok(Self {
            mode,
            listen: arguments
                .listen
                .or(file.listen)
                .unwrap_or((Ipv4Addr::LOCALHOST, 4000).into()),
            log: arguments
                .log
                .or(file.log)
                .unwrap_or_else(|| "info".to_owned()),
            main_storage: main_storage.unwrap_or_else(default_storage),
            rate_limit_storage: rate_limit_storage.unwrap_or_else(default_storage),
            cache: cache.or_else(|| {
                let is_wanted = session.cache_expiration.is_some();
                is_wanted.then_some(StoragePlace::Memory)
            }),
            user_store: user_store
                .unwrap_or_else(|| UserStorePlace::Sqlite(data_dir.join("users.sqlite3"))),
            data_dir: uses_data_dir.then_some(data_dir),
            users_table: file.users_table,
            email_sender,
            email: file.email.resolve(arguments.email_from)?,
            user_server: file.user_server.read()?,
            session,
            hashing,
            password_hash,
            hashes_fast,
            previous_password_hashes,
            rate_limits: file.rate_limits.resolve(),
            ip_rate_limit,
            passwords,
            http: file.http.resolve(),
        })
    }

    fn check_user_server(&self) -> Result<(), StartError> {
        if matches!(self.user_store, UserStorePlace::UserServer(_)) {
            return Err(StartError::new(
                "user_store: a user server has its users in a database, and not in another user server",
            ));
        }
        if self.user_server.is_none() {
            return Err(StartError::new(format!(
                "a user server tells password hashes only to who proves to be allowed: {CREDENTIALS}"
            )));
        }
        if self.mode == Mode::Development && !self.listen.ip().to_canonical().is_loopback() {
            return Err(StartError::new(format!(
                "in development mode only a loopback address is listened on, and {} is none; in production mode, put \
                 something that speaks TLS in front",
                self.listen.ip(),
            )));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StartError> {
        if matches!(self.user_store, UserStorePlace::UserServer(_)) {
            if self.user_server.is_none() {
                return Err(StartError::new(format!(
                    "user_store is a user server, which has to know who asks: {CREDENTIALS}"
                )));
            }
            if self.users_table.is_some() {
                return Err(StartError::new(
                    "users_table describes a table in a database, and user_store is a user server",
                ));
            }
        }
        if self.cache.is_some() && self.session.cache_expiration.is_none() {
            return Err(StartError::new(
                "cache is where sessions are remembered for session.cache_expiration: set that too",
            ));
        }
        match self.mode {
            Mode::Production if self.email_sender.is_none() => Err(StartError::new(
                "production mode needs a way to send email: set email_sender (FAROE_EMAIL_SENDER), such as \
                 \"smtps://user:password@mail.example.com\"",
            )),
            Mode::Production => Ok(()),
            Mode::Development if !self.listen.ip().to_canonical().is_loopback() => {
                Err(StartError::new(format!(
                    "development mode shows codes to whoever can connect, so it listens on a loopback address only, \
                 such as 127.0.0.1:{}; {} is none",
                    self.listen.port(),
                    self.listen.ip(),
                )))
            }
            Mode::Development => Ok(()),
        }
    }

    /// The folder of the SQLite files with default names, if there are any.
    pub(crate) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }
}

/// The places that are named somewhere.
struct Places {
    main_storage: Option<StoragePlace>,
    rate_limit_storage: Option<StoragePlace>,
    cache: Option<StoragePlace>,
    user_store: Option<UserStorePlace>,
    email_sender: Option<EmailSenderPlace>,
}

impl Places {
    fn choose(arguments: &Arguments, file: &File) -> Result<Self, StartError> {
        let storage = choose("storage", &arguments.storage, &file.storage)?;
        let main_storage = choose("main_storage", &arguments.main_storage, &file.main_storage)?;
        let rate_limit_storage = choose(
            "rate_limit_storage",
            &arguments.rate_limit_storage,
            &file.rate_limit_storage,
        )?;
        Ok(Self {
            main_storage: main_storage.or_else(|| storage.clone()),
            rate_limit_storage: rate_limit_storage.or(storage),
            cache: choose("cache", &arguments.cache, &file.cache)?,
            user_store: choose("user_store", &arguments.user_store, &file.user_store)?,
            email_sender: choose("email_sender", &arguments.email_sender, &file.email_sender)?,
        })
    }
}

/// What the arguments say, or else the file. The message of an error never holds a part of the URL.
fn choose<P: TryFrom<String, Error = &'static str> + Clone>(
    name: &str,
    argument: &Option<Url>,
    file: &Option<P>,
) -> Result<Option<P>, StartError> {
    let Some(url) = argument else {
        return Ok(file.clone());
    };
    let place = P::try_from(url.expose().to_owned());
    place
        .map(Some)
        .map_err(|reason| StartError::new(format!("{name}: {reason}")))
}
