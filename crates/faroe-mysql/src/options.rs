//! What a connection needs to know, and the URL that says it.

use std::{fmt, num::NonZeroU32, str::FromStr, sync::Arc, time::Duration};

use faroe_address::{InvalidServiceUrl, ServiceUrl, names_this_machine};
use faroe_core::error::AdapterError;
use sqlx::{
    ConnectOptions,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

const OPERATION: &str = "read the URL of MySQL";

/// How long the server may work on a statement: as long as the core waits.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// The parameters of the URL that the driver understands. Any other is refused: a misspelt `ssl-mode` must not pass.
const DRIVER_PARAMETERS: [&str; 9] = [
    "ssl-mode", "sslmode", "ssl-ca", "sslca", "ssl-cert", "sslcert", "ssl-key", "sslkey", "socket",
];

/// How to connect, and how many connections to hold.
///
/// # TLS
///
/// Unless the URL has an `ssl-mode`, a server on another machine is reached by `verify_identity`: encrypted, with a
/// certificate for its name. `ssl-mode=disabled`, `required` (encrypted, but by whom?) and `verify_ca` are possible when
/// asked for; `preferred`, which whoever sits in between can turn into no encryption, only on this machine.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Server, user, database and TLS.
    pub connection: MySqlConnectOptions,
    /// Connections that are kept open when there is nothing to do. Default: 0.
    pub min_connections: u32,
    /// Connections at most; more calls wait for one. Default: 10.
    pub max_connections: u32,
    /// How long to wait for a connection. Default: 3 seconds.
    pub acquire_timeout: Duration,
    /// How long the server may work on a statement. Default: 2 seconds, as long as the core waits.
    pub statement_timeout: Duration,
}

impl Options {
    /// The defaults, for a connection that is described in code.
    pub fn new(connection: MySqlConnectOptions) -> Self {
        Self {
            connection,
            min_connections: 0,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: STATEMENT_TIMEOUT,
        }
    }

    /// Reads `mysql://user:password@host:port/database?parameter=value&…`; `mariadb://` means the same.
    ///
    /// Parameters of this crate: `min_connections`, `max_connections`, `acquire_timeout_ms` and `statement_timeout_ms`. The
    /// driver's: `ssl-mode`, `ssl-ca`, `ssl-cert`, `ssl-key`, `socket`.
    ///
    /// # Errors
    ///
    /// When a part is malformed, a parameter unknown, or a number zero that must not be. The error never holds a part of
    /// the URL.
    pub fn from_url(url: &str) -> Result<Self, AdapterError> {
        parse(url).map_err(|reason| AdapterError::new(OPERATION, reason))
    }

    /// The connection as it is opened.
    pub(crate) fn connection(&self) -> MySqlConnectOptions {
        self.connection.clone().disable_statement_logging()
    }

    /// What each connection begins with. Each of MariaDB and MySQL takes the other's limit for a comment; MySQL has one for
    /// reading only, and waits no longer for locks than that.
    pub(crate) fn session(&self) -> Arc<str> {
        let milliseconds = self.statement_timeout.as_millis();
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
            .field("min_connections", &self.min_connections)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
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
            "min_connections" => options.min_connections = parameter.parse()?,
            "max_connections" => options.max_connections = parameter.parse::<NonZeroU32>()?.get(),
            "acquire_timeout_ms" => options.acquire_timeout = parameter.milliseconds()?,
            "statement_timeout_ms" => options.statement_timeout = parameter.milliseconds()?,
            name if DRIVER_PARAMETERS.contains(&name) => {
                has_ssl_mode |= matches!(name, "ssl-mode" | "sslmode");
                driver_parameters.push(parameter.as_str());
            }
            _ => return Err(InvalidServiceUrl::new("a parameter of the URL is unknown")),
        }
    }
    let driver_url = format!(
        "{}?{}",
        url.without_parameters(),
        driver_parameters.join("&")
    );
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
