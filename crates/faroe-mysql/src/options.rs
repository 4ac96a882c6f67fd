//! The options of a connection, and the URL that they are read from.

use std::{fmt, str::FromStr, sync::Arc};

use faroe_address::{InvalidServiceUrl, ServiceUrl, names_this_machine};
use faroe_core::error::AdapterError;
use faroe_sql::PoolOptions;
use sqlx::{
    ConnectOptions,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

const OPERATION: &str = "read the URL of MySQL";

/// The driver's parameters of the URL. Any other is refused, so that a misspelt `ssl-mode` is not ignored.
const DRIVER_PARAMETERS: [&str; 9] = [
    "ssl-mode", "sslmode", "ssl-ca", "sslca", "ssl-cert", "sslcert", "ssl-key", "sslkey", "socket",
];

/// The options of a database: server, TLS, pool and timeouts.
///
/// # TLS
///
/// Unless the URL has an `ssl-mode`, a server on another machine is reached by `verify_identity`: encrypted, with a
/// certificate for its name. `ssl-mode=disabled`, `required` (encrypted, but the certificate is not checked) and `verify_ca`
/// must be asked for. `preferred` is for this machine only: an attacker on the network can turn it into no encryption.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Server, user, database and TLS.
    pub connection: MySqlConnectOptions,
    /// The size of the pool and the timeouts of calls.
    pub pool: PoolOptions,
}

impl Options {
    /// The defaults for a connection.
    pub fn new(connection: MySqlConnectOptions) -> Self {
        Self {
            connection,
            pool: PoolOptions::default(),
        }
    }

    /// Reads `mysql://user:password@host:port/database?parameter=value&…`; `mariadb://` means the same.
    ///
    /// Parameters of this crate: `min_connections`, `max_connections`, `acquire_timeout_ms` and `statement_timeout_ms`. The
    /// driver's: `ssl-mode`, `ssl-ca`, `ssl-cert`, `ssl-key`, `socket`. As others have them: `connect_timeout` in seconds, which
    /// sets the acquire timeout, and `charset` (`utf8mb4`).
    ///
    /// # Errors
    ///
    /// When a part is malformed, a parameter is unknown, or a number is zero that must not be. The error contains no part of
    /// the URL but a parameter's name.
    pub fn from_url(url: &str) -> Result<Self, AdapterError> {
        parse(url).map_err(|reason| AdapterError::new(OPERATION, reason))
    }

    /// The driver's options, with those of the session.
    pub(crate) fn connection(&self) -> MySqlConnectOptions {
        self.connection.clone().disable_statement_logging()
    }

    /// The statements that each connection starts with. MariaDB and MySQL each treat the other's limit as a comment. MySQL
    /// limits only reads, and waits for locks no longer than that.
    pub(crate) fn session(&self) -> Arc<str> {
        let milliseconds = self.pool.statement_timeout.as_millis();
        let seconds = milliseconds.div_ceil(1000);
        format!(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
             SET SESSION innodb_lock_wait_timeout = {seconds},
                SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')
                /*M!100106 , SESSION max_statement_time = {milliseconds} / 1000 */
                /*!80000 , SESSION max_execution_time = {milliseconds} */"
        )
        .into()
    }
}

/// Shows no password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("host", &self.connection.get_host())
            .field("port", &self.connection.get_port())
            .field("database", &self.connection.get_database())
            .field("ssl_mode", &self.connection.get_ssl_mode())
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

fn parse(text: &str) -> Result<Options, InvalidServiceUrl> {
    let url: ServiceUrl = text.parse()?;
    if !["mysql", "mariadb"].contains(&url.scheme()) {
        return Err(InvalidServiceUrl::new(
            "the URL must start with mysql:// or mariadb://",
        ));
    }
    let mut options = Options::new(MySqlConnectOptions::new());
    let mut driver_parameters = Vec::new();
    let mut has_ssl_mode = false;
    for parameter in url.parameters()? {
        match parameter.name() {
            _ if options.pool.read(&parameter)? => {}
            name if DRIVER_PARAMETERS.contains(&name) => {
                has_ssl_mode |= matches!(name, "ssl-mode" | "sslmode");
                driver_parameters.push(parameter.as_str());
            }
            "charset" => parameter.expect_one_of(&["utf8mb4", "utf8"])?,
            _ => return Err(parameter.unknown()),
        }
    }
    let driver_url = url.with_parameters(&driver_parameters);
    options.connection = MySqlConnectOptions::from_str(&driver_url).map_err(|_| {
        InvalidServiceUrl::new("the host, port, ssl-mode or an encoding is malformed")
    })?;
    options.connection = with_tls(options.connection, has_ssl_mode)?;
    Ok(options)
}

fn with_tls(
    connection: MySqlConnectOptions,
    has_ssl_mode: bool,
) -> Result<MySqlConnectOptions, InvalidServiceUrl> {
    let is_local = names_this_machine(connection.get_host());
    Ok(match connection.get_ssl_mode() {
        _ if connection.get_socket().is_some() => connection.ssl_mode(MySqlSslMode::Disabled),
        _ if !has_ssl_mode && is_local => connection.ssl_mode(MySqlSslMode::Preferred),
        _ if !has_ssl_mode => connection.ssl_mode(MySqlSslMode::VerifyIdentity),
        MySqlSslMode::Preferred if !is_local => {
            return Err(InvalidServiceUrl::new(
                "an attacker on the network can turn ssl-mode=preferred into no encryption; \
                 use verify_identity, verify_ca, required or disabled",
            ));
        }
        _ => connection,
    })
}

#[cfg(test)]
mod tests;
