//! What the server was told: command line, environment and file, brought together and checked.

mod file;
mod value;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use faroe_argon2::Parameters;
use faroe_core::{Hashing, RateLimits, SessionConfiguration};
use faroe_user_store_sqlite::UsersTable;
use serde::Deserialize;

use self::file::File;
pub(crate) use self::value::Origin;
use crate::{
    arguments::{Arguments, Mode},
    error::StartError,
};

/// Everything that the server needs to know to start.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub(crate) mode: Mode,
    pub(crate) listen: SocketAddr,
    pub(crate) log: String,
    /// The folder that has to be there, if a file with a default name is in it.
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) storage: StoragePlace,
    pub(crate) user_store: UserStorePlace,
    /// How the users' table looks, if it is one that exists already.
    pub(crate) users_table: Option<UsersTable>,
    pub(crate) session: SessionConfiguration,
    pub(crate) hashing: Hashing,
    /// How new user passwords are hashed.
    pub(crate) password_hash: Parameters,
    /// How user passwords were hashed once.
    pub(crate) previous_password_hashes: Vec<Parameters>,
    pub(crate) rate_limits: RateLimits,
    pub(crate) http: Http,
}

/// Where the server's own, ephemeral data is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum StoragePlace {
    Memory,
    Sqlite(PathBuf),
}

/// Where the users are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum UserStorePlace {
    Sqlite(PathBuf),
}

/// How the server behaves on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Http {
    pub(crate) max_connections: u32,
    /// How long a request head may take, and how long a connection may idle before one.
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
        let file = arguments
            .config
            .as_deref()
            .map_or_else(|| Ok(File::default()), File::read)?;
        if file.users_table.is_some() && file.user_store.is_none() {
            return Err(StartError::new(
                "users_table describes a table that exists: name its database with user_store",
            ));
        }
        let configuration = Self::merge(arguments.clone(), file);
        configuration.check()?;
        Ok(configuration)
    }

    fn merge(arguments: Arguments, file: File) -> Self {
        let data_dir = arguments
            .data_dir
            .or(file.data_dir)
            .unwrap_or_else(|| "./faroe-data".into());
        let uses_data_dir = file.storage.is_none() || file.user_store.is_none();
        let (hashing, password_hash, previous_password_hashes) = file.hashing.resolve();
        Self {
            mode: arguments.mode.or(file.mode).unwrap_or_default(),
            listen: arguments
                .listen
                .or(file.listen)
                .unwrap_or((Ipv4Addr::LOCALHOST, 4000).into()),
            log: arguments
                .log
                .or(file.log)
                .unwrap_or_else(|| "info".to_owned()),
            storage: file
                .storage
                .unwrap_or_else(|| StoragePlace::Sqlite(data_dir.join("storage.sqlite3"))),
            user_store: file
                .user_store
                .unwrap_or_else(|| UserStorePlace::Sqlite(data_dir.join("users.sqlite3"))),
            data_dir: uses_data_dir.then_some(data_dir),
            users_table: file.users_table,
            session: file.session.resolve(),
            hashing,
            password_hash,
            previous_password_hashes,
            rate_limits: file.rate_limits.resolve(),
            http: file.http.resolve(),
        }
    }

    fn check(&self) -> Result<(), StartError> {
        match self.mode {
            Mode::Production => Err(StartError::new(
                "production mode needs a way to send email, and this release has none yet: \
                 only development mode, which shows the emails instead, can be started",
            )),
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
