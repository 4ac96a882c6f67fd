//! The settings of the server, from a file, the environment and flags.
//!
//! Each key is declared once, in a `section!`. Layers of settings are merged as trees that remember where each value was
//! set, and read once, into the sections that the rest of the server uses.

mod deserializer;
mod email;
mod entries;
mod file;
mod hashing;
mod http;
mod key;
mod layer;
mod passwords;
mod place;
mod previous_hashes;
mod rate_limits;
mod reference;
mod secret;
mod section;
mod session;
mod setting;
mod sources;
mod suggestion;
mod timeouts;
mod user_server;
mod value;
mod variables;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::Uri;
use faroe_address::{is_this_machine, names_this_machine};
use faroe_users_table::{SignupFields, UsersTable};

pub(crate) use self::{
    email::Email,
    entries::entries,
    http::Http,
    passwords::Passwords,
    place::{EmailSenderPlace, StoragePlace, UserStorePlace},
    previous_hashes::PreviousHash,
    reference::Defaults,
    secret::Secret,
    user_server::Credentials,
    value::EmailAddressCase,
    variables::FILE,
};
use self::{
    hashing::Hashing,
    key::Shape,
    layer::Node,
    rate_limits::{IpRateLimit, RateLimits},
    section::section,
    session::Session,
    setting::Setting,
    timeouts::Timeouts,
    user_server::UserServer,
};
pub use self::{reference::config_reference, sources::Sources, value::Mode};
use crate::error::StartError;

const CREDENTIALS: &str = "set user_server.bearer_tokens or user_server.keys, or put a token of 32 characters or more into \
    FAROE_USER_SERVER_BEARER_TOKEN (openssl rand -base64 32 makes one)";

section! {
    /// Settings of the server.
    Settings {
        /// Mode: `development` shows emails instead of sending them, and only this machine can connect.
        #[flag = "--mode MODE"]
        mode: Mode = "development",
        /// Address and port to listen on; port 0 takes a free one.
        #[flag = "--listen ADDR:PORT"]
        listen: SocketAddr = "127.0.0.1:4000",
        /// Log filter, such as `warn`, or `info,faroe_server=debug` to see every request.
        #[flag = "--log FILTER"]
        log: String = "info",
        /// Folder of the default SQLite files, created for its owner only when one of them is used.
        #[flag = "--data-dir DIR"]
        data_dir: PathBuf = "./faroe-data",
        /// Location of the server's own data: sessions, flows and counted attempts.
        #[flag = "--storage URL"]
        #[otherwise = "`storage.sqlite3` in `data_dir`"]
        storage: Option<StoragePlace>,
        /// Location of sessions and flows.
        #[flag = "--main-storage URL"]
        #[otherwise = "`storage`"]
        main_storage: Option<StoragePlace>,
        /// Location of counted attempts.
        #[flag = "--rate-limit-storage URL"]
        #[otherwise = "`storage`"]
        rate_limit_storage: Option<StoragePlace>,
        /// Location of cached sessions; needs `session.cache_expiration`.
        #[flag = "--cache URL"]
        #[otherwise = "`memory:`"]
        cache: Option<StoragePlace>,
        /// Location of the users.
        #[flag = "--user-store URL"]
        #[otherwise = "`users.sqlite3` in `data_dir`"]
        user_store: Option<UserStorePlace>,
        /// [Names](https://docs.rs/faroe-users-table) of an existing users table and its columns, and the form of its password hashes.
        #[otherwise = "a table `users` is created"]
        users_table: Option<UsersTable>,
        /// Comparison of email addresses: with `ignore`, `Ada@example.com` and `ada@example.com` are one address, stored as given.
        email_address_case: EmailAddressCase = "exact",
        /// Time to wait at start for a database or user server that is not up yet.
        start_timeout: Duration = "10s",
        /// SMTP server or webhook that sends emails; production mode needs one.
        #[flag = "--email-sender URL"]
        email_sender: Option<EmailSenderPlace>,
        email: Email,
        user_server: UserServer,
        session: Session,
        hashing: Hashing,
        rate_limits: RateLimits,
        ip_rate_limit: IpRateLimit,
        passwords: Passwords,
        timeouts: Timeouts,
        http: Http,
    }
}

/// Its keys are documented in a crate of its own.
impl Setting for UsersTable {
    const SHAPE: Shape = Shape::Open;

    fn kind() -> String {
        "table".to_owned()
    }
}

/// A location, with the setting that names it. It is shown without credentials.
#[derive(Clone, Debug)]
pub(crate) struct Named<P> {
    pub(crate) setting: &'static str,
    pub(crate) place: P,
}

impl<P: Clone> Named<P> {
    fn new(setting: &'static str, place: Option<&P>) -> Option<Self> {
        let place = place.cloned()?;
        Some(Self { setting, place })
    }
}

impl<P: fmt::Display> fmt::Display for Named<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

/// Everything that the server needs to know to start.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub(crate) settings: Box<Settings>,
    /// Environment variables that look like settings and are none.
    unknown_variables: Vec<String>,
}

impl Configuration {
    /// Reads all sources: a flag wins over an environment variable, which wins over the file, which wins over the default.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a key that does not exist, an invalid value, or settings that do not fit together.
    pub fn load(sources: &Sources) -> Result<Self, StartError> {
        let configuration = Self::read(sources)?;
        configuration.settings.check()?;
        Ok(configuration)
    }

    /// Like [`Configuration::load`], for a [`UserServerInstance`](crate::UserServerInstance), which needs less.
    ///
    /// # Errors
    ///
    /// As above. A user server has its users in a database, and credentials to accept.
    pub fn load_user_server(sources: &Sources) -> Result<Self, StartError> {
        let configuration = Self::read(sources)?;
        configuration.settings.check_user_server()?;
        Ok(configuration)
    }

    fn read(sources: &Sources) -> Result<Self, StartError> {
        let (mut given, other_variables) = sources.layers()?;
        rate_limits::turn_on(&mut given)?;
        let unknown_variables = variables::unknown(&other_variables, &given);
        let mut layers = Node::defaults(Settings::SHAPE);
        layers.merge(given, Settings::SHAPE);
        Ok(Self {
            settings: deserializer::read(&layers)?,
            unknown_variables,
        })
    }

    /// Logs what does not keep the server from starting.
    pub fn log_warnings(&self) {
        let settings = &self.settings;
        if settings.uses_plain_http() && !settings.user_server_is_local() {
            tracing::warn!(
                "user_server.allow_plain_http: password hashes can be read on the network"
            );
        }
        let variables = &self.unknown_variables;
        if !variables.is_empty() {
            tracing::warn!(?variables, "unknown environment variables are ignored");
        }
    }
}

/// Checks whether a description says more than the fields at sign-up.
fn describes_a_table(table: &UsersTable) -> bool {
    let mut without_fields = table.clone();
    without_fields.signup_fields = SignupFields::default();
    without_fields != UsersTable::default()
}

impl Settings {
    /// Returns the names of the fields that a client may give at sign-up.
    pub(crate) fn signup_fields(&self) -> Vec<String> {
        let table = self.users_table.iter();
        let names = table.flat_map(|table| table.signup_fields.names());
        names.map(str::to_owned).collect()
    }

    fn check_common(&self) -> Result<(), StartError> {
        if self.users_table.is_some() && self.user_store.is_none() {
            return Err(StartError::new(
                "users_table describes an existing table; name its database with user_store",
            ));
        }
        self.ip_rate_limit.options().map(drop)
    }

    fn check_user_server(&self) -> Result<(), StartError> {
        self.check_common()?;
        let credentials = self.user_server.credentials()?;
        if matches!(self.user_store, Some(UserStorePlace::UserServer(_))) {
            return Err(StartError::new(
                "user_store: a user server keeps its users in a database; name one",
            ));
        }
        if credentials.is_none() {
            return Err(StartError::new(format!(
                "a user server needs the credentials of the servers that ask it; {CREDENTIALS}"
            )));
        }
        if self.mode == Mode::Development && !is_this_machine(self.listen.ip()) {
            return Err(StartError::new(format!(
                "in development mode listen has to be a loopback address, unlike {}; use production mode, behind a proxy \
                 that speaks TLS",
                self.listen.ip(),
            )));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StartError> {
        self.check_common()?;
        let credentials = self.user_server.credentials()?;
        if matches!(self.user_store, Some(UserStorePlace::UserServer(_))) {
            let is_local = self.user_server_is_local();
            if self.uses_plain_http() && !is_local && !self.user_server.allow_plain_http {
                return Err(StartError::new(
                    "user_store: http:// reaches this machine only; use https://, or set user_server.allow_plain_http in a \
                     private network",
                ));
            }
            if credentials.is_none() && !(is_local && self.mode == Mode::Development) {
                return Err(StartError::new(format!(
                    "user_store is a user server, which needs credentials; {CREDENTIALS}"
                )));
            }
            if self.users_table.as_ref().is_some_and(describes_a_table) {
                return Err(StartError::new(
                    "users_table describes a table in a database, but user_store is a user server; only users_table.signup_fields \
                     is for both, so remove one of them",
                ));
            }
        }
        if self.cache.is_some() && self.session.cache_expiration.is_none() {
            return Err(StartError::new(
                "cache keeps sessions for session.cache_expiration; set that too",
            ));
        }
        self.hashing.check()?;
        match self.mode {
            Mode::Production if self.email_sender.is_none() => Err(StartError::new(
                "production mode sends emails; set email_sender (FAROE_EMAIL_SENDER), such as \
                 \"smtps://user:password@mail.example.com\"",
            )),
            Mode::Production => self.ip_rate_limit.check_decision(),
            Mode::Development if !is_this_machine(self.listen.ip()) => {
                Err(StartError::new(format!(
                    "development mode shows codes to everybody who can connect, so listen has to be a loopback address, \
                     unlike {}; use 127.0.0.1:{} or production mode",
                    self.listen.ip(),
                    self.listen.port(),
                )))
            }
            _ => Ok(()),
        }
    }

    fn user_server_url(&self) -> Option<Uri> {
        match &self.user_store {
            Some(UserStorePlace::UserServer(url)) => Uri::try_from(url.expose()).ok(),
            _ => None,
        }
    }

    fn user_server_is_local(&self) -> bool {
        let url = self.user_server_url();
        url.is_some_and(|url| url.host().is_some_and(names_this_machine))
    }

    fn uses_plain_http(&self) -> bool {
        let url = self.user_server_url();
        url.is_some_and(|url| url.scheme_str() == Some("http"))
    }

    /// Returns the location of what a role of its own has no location for.
    fn storage_place(&self) -> Named<StoragePlace> {
        let place = self.storage.clone();
        let default = || StoragePlace::Sqlite(self.data_dir.join("storage.sqlite3"));
        Named {
            setting: "storage",
            place: place.unwrap_or_else(default),
        }
    }

    /// Returns the location of sessions and flows.
    pub(crate) fn main_storage_place(&self) -> Named<StoragePlace> {
        let own = Named::new("main_storage", self.main_storage.as_ref());
        own.unwrap_or_else(|| self.storage_place())
    }

    /// Returns the location of counted attempts.
    pub(crate) fn rate_limit_storage_place(&self) -> Named<StoragePlace> {
        let own = Named::new("rate_limit_storage", self.rate_limit_storage.as_ref());
        own.unwrap_or_else(|| self.storage_place())
    }

    /// Returns the location of cached sessions, if they are cached.
    pub(crate) fn cache_place(&self) -> Option<Named<StoragePlace>> {
        self.session.cache_expiration?;
        let place = self.cache.as_ref().unwrap_or(&StoragePlace::Memory);
        Named::new("cache", Some(place))
    }

    /// Returns the location of the users.
    pub(crate) fn user_store_place(&self) -> Named<UserStorePlace> {
        let place = self.user_store.clone();
        let default = || UserStorePlace::Sqlite(self.data_dir.join("users.sqlite3"));
        Named {
            setting: "user_store",
            place: place.unwrap_or_else(default),
        }
    }

    /// Returns the folder of the default SQLite files, if one of them is used.
    pub(crate) fn used_data_dir(&self) -> Option<&Path> {
        let has_roles = self.main_storage.is_some() && self.rate_limit_storage.is_some();
        let is_used = (self.storage.is_none() && !has_roles) || self.user_store.is_none();
        is_used.then_some(&self.data_dir)
    }
}

#[cfg(test)]
mod tests;
