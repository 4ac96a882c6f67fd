//! The options of a connection, and the URL that they are read from.

use std::{fmt, str::FromStr, sync::Arc};

use faroe_address::{InvalidServiceUrl, ServiceUrl, names_this_machine};
use faroe_core::error::AdapterError;
use faroe_sql::PoolOptions;
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};

const OPERATION: &str = "read the URL of PostgreSQL";

/// The driver's parameters of the URL. Any other is refused, so that a misspelt `sslmode` is not ignored.
const DRIVER_PARAMETERS: [&str; 15] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "application_name",
    "options",
];

/// The options of a database: server, TLS, pool and timeouts.
///
/// # TLS
///
/// Unless the URL has an `sslmode`, a server on another machine is reached by `verify-full`: encrypted, with a certificate
/// for its name. `sslmode=disable`, `require` (encrypted, but the certificate is not checked) and `verify-ca` must be asked
/// for. `allow` and `prefer` are for this machine only: an attacker on the network can turn them into no encryption.
/// `channel_binding=require`, which the driver does not have, becomes `verify-full`: both prove that the server is the right one.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Server, user, database and TLS.
    pub connection: PgConnectOptions,
    /// The size of the pool and the timeouts of calls.
    pub pool: PoolOptions,
    /// `true` behind a PgBouncer in transaction mode: no prepared statement then outlives its transaction. Default: `false`.
    pub pgbouncer: bool,
}

impl Options {
    /// The defaults for a connection.
    pub fn new(connection: PgConnectOptions) -> Self {
        Self {
            connection,
            pool: PoolOptions::default(),
            pgbouncer: false,
        }
    }

    /// Reads `postgres://user:password@host:port/database?parameter=value&…`.
    ///
    /// Parameters of this crate: `min_connections`, `max_connections`, `acquire_timeout_ms`, `statement_timeout_ms` and
    /// `pgbouncer` (`true` or `false`). The driver's: `sslmode`, `sslrootcert` (a file, or `system` for the authorities that
    /// browsers trust), `sslcert`, `sslkey`, `host` (a folder is a socket's), `hostaddr`, `port`, `dbname`, `user`,
    /// `application_name`, `options`. As `libpq` has them: `connect_timeout` in seconds, which sets the acquire timeout;
    /// `channel_binding`; `target_session_attrs`, which is always `primary`, so it may be `primary`, `read-write` or `any`;
    /// `client_encoding` (`utf8`) and `gssencmode` (`disable` or `prefer`).
    ///
    /// # Errors
    ///
    /// When a part is malformed, a parameter is unknown, or a number is zero that must not be. The error contains no part of
    /// the URL but a parameter's name.
    pub fn from_url(url: &str) -> Result<Self, AdapterError> {
        parse(url).map_err(|reason| AdapterError::new(OPERATION, reason))
    }

    /// The driver's options. PgBouncer refuses a connection that begins with a parameter of the session that it does not track.
    pub(crate) fn connection(&self) -> PgConnectOptions {
        let connection = self.connection.clone().disable_statement_logging();
        connection.extra_float_digits(None)
    }

    /// The statements that each connection starts with. `None` behind a PgBouncer in transaction mode, where a session is
    /// another one for each transaction.
    pub(crate) fn session(&self) -> Option<Arc<str>> {
        let milliseconds = self.pool.statement_timeout.as_millis();
        let session = format!(
            "SET statement_timeout = {milliseconds}; SET default_transaction_isolation = 'read committed'"
        );
        (!self.pgbouncer).then(|| session.into())
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
            .field("pgbouncer", &self.pgbouncer)
            .finish_non_exhaustive()
    }
}

fn parse(text: &str) -> Result<Options, InvalidServiceUrl> {
    let url: ServiceUrl = text.parse()?;
    if !["postgres", "postgresql"].contains(&url.scheme()) {
        return Err(InvalidServiceUrl::new(
            "the URL must start with postgres:// or postgresql://",
        ));
    }
    let mut options = Options::new(PgConnectOptions::new_without_pgpass());
    let mut driver_parameters = Vec::new();
    let mut tls = Tls::default();
    for parameter in url.parameters()? {
        match parameter.name() {
            _ if options.pool.read(&parameter)? => {}
            "pgbouncer" => options.pgbouncer = parameter.parse()?,
            "channel_binding" => {
                parameter.expect_one_of(&["disable", "prefer", "require"])?;
                tls.is_certificate_required |= parameter.value().eq_ignore_ascii_case("require");
            }
            "target_session_attrs" => {
                parameter.expect_one_of(&["primary", "read-write", "any"])?;
            }
            "client_encoding" => parameter.expect_one_of(&["utf8", "utf-8", "auto"])?,
            "gssencmode" => parameter.expect_one_of(&["disable", "prefer"])?,
            "sslrootcert" | "ssl-root-cert" if parameter.value() == "system" => {
                tls.is_certificate_required = true;
            }
            name if DRIVER_PARAMETERS.contains(&name) || name.starts_with("options[") => {
                tls.has_mode |= matches!(name, "sslmode" | "ssl-mode");
                driver_parameters.push(parameter.as_str());
            }
            _ => return Err(parameter.unknown()),
        }
    }
    if url.hosts().contains(',') {
        return Err(InvalidServiceUrl::new(
            "the URL names several hosts; use one name that leads to the primary",
        ));
    }
    let driver_url = url.with_parameters(&driver_parameters);
    options.connection = PgConnectOptions::from_str(&driver_url).map_err(|_| {
        InvalidServiceUrl::new("the host, port, sslmode or an encoding is malformed")
    })?;
    options.connection = with_tls(options.connection, tls)?;
    Ok(options)
}

/// The wishes of a URL about TLS.
#[derive(Clone, Copy, Debug, Default)]
struct Tls {
    has_mode: bool,
    is_certificate_required: bool,
}

fn with_tls(connection: PgConnectOptions, tls: Tls) -> Result<PgConnectOptions, InvalidServiceUrl> {
    let host = connection.get_host();
    let is_socket = connection.get_socket().is_some() || host.starts_with('/');
    let is_local = names_this_machine(host);
    Ok(match connection.get_ssl_mode() {
        _ if is_socket => connection.ssl_mode(PgSslMode::Disable),
        PgSslMode::Disable if tls.is_certificate_required => {
            return Err(InvalidServiceUrl::new(
                "channel_binding=require and sslrootcert=system need TLS, which sslmode=disable turns off",
            ));
        }
        _ if tls.is_certificate_required => connection.ssl_mode(PgSslMode::VerifyFull),
        _ if !tls.has_mode && is_local => connection.ssl_mode(PgSslMode::Prefer),
        _ if !tls.has_mode => connection.ssl_mode(PgSslMode::VerifyFull),
        PgSslMode::Allow | PgSslMode::Prefer if !is_local => {
            return Err(InvalidServiceUrl::new(
                "an attacker on the network can turn sslmode=allow and prefer into no encryption; \
                 use verify-full, verify-ca, require or disable",
            ));
        }
        _ => connection,
    })
}

#[cfg(test)]
mod tests;
