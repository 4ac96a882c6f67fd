//! The command line and the environment.

use std::{convert::Infallible, env, fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::{configuration::BreachCheck, error::StartError};

const AFTER_HELP: &str = "\
Without a command the server starts. With no arguments at all it is in development mode: it listens on
127.0.0.1:4000, keeps SQLite files in ./faroe-data, and shows every email in its log and at GET /dev/emails.

A flag wins over its environment variable, which wins over the configuration file, which wins over the default.
A URL with a password belongs into the environment or a file that others cannot read; as a flag it is refused.
Emails are sent in production mode; check-config and send-test-email tell whether that works.

Endpoints:
  POST /            invokes an action: {\"action\": \"create_signup\", \"arguments\": {\"email_address\": \"you@example.com\"}}
  GET  /health      200 as long as the process lives
  GET  /ready       200 when storage and user store answer, else 503
  GET  /dev         a page that shows the emails and walks through every flow (development mode only)
  GET  /dev/emails  the emails, oldest first; ?to=ADDRESS selects (development mode only)

SIGTERM or Ctrl-C: finish the requests in flight, then exit. A second one: exit at once.";

/// The command line: what to do, and the settings for it.
#[derive(Clone, Debug, Parser)]
#[command(name = "faroe-server", version, about = "The Faroe auth server", after_help = AFTER_HELP)]
pub struct CommandLine {
    /// The settings. They may stand before the command or after it.
    #[command(flatten)]
    pub arguments: Arguments,

    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl CommandLine {
    /// Reads the command line and the environment of this process. Asked for help or its version, it prints that and ends
    /// the process.
    ///
    /// # Errors
    ///
    /// What is no flag or value, told in one line; and a URL with a password, wherever it stands, which is not repeated.
    pub fn read() -> Result<Self, StartError> {
        let mut words = env::args_os().skip(1);
        if words.any(|word| holds_password(&word.to_string_lossy())) {
            return Err(StartError::new(
                "a URL with a password is an argument, and every user of this machine can see arguments: put it into the \
                 environment (such as FAROE_STORAGE) or into the configuration file",
            ));
        }
        Self::try_parse().map_err(|error| {
            if !error.use_stderr() {
                error.exit();
            }
            let text = error.render().to_string();
            let paragraphs: Vec<_> = text.split("\n\n").map(str::trim).collect();
            StartError::new(paragraphs.join("; ").trim_start_matches("error: "))
        })
    }
}

/// What the program does besides serving.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Tell what the server would use, and whether it can be reached; status 0 if all of it can.
    ///
    /// One line is printed for each part. As when the server starts, missing tables and SQLite files are created.
    /// Nothing listens.
    CheckConfig,

    /// Serve the users to a Faroe server that is somewhere else, which has `user_store = "https://…"`.
    ///
    /// Nothing but `listen`, `mode`, `data_dir`, `user_store`, `users_table`, `user_server`, `http` and `log` matters for it.
    UserServer,

    /// Send a message with a made-up code to this address, as the server would send a code.
    SendTestEmail {
        /// Who gets it.
        address: String,
    },
}

/// What was given on the command line and in the environment.
#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Read settings from this TOML file.
    #[arg(long, global = true, value_name = "FILE", env = "FAROE_CONFIG")]
    pub config: Option<PathBuf>,

    /// Which mode to start in (default: development).
    #[arg(long, global = true, value_name = "MODE", env = "FAROE_MODE")]
    pub mode: Option<Mode>,

    /// Listen here; port 0 takes a free one (default: 127.0.0.1:4000).
    #[arg(long, global = true, value_name = "ADDR:PORT", env = "FAROE_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// Keep the SQLite files here; created if it is not there (default: ./faroe-data).
    #[arg(long, global = true, value_name = "DIR", env = "FAROE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Keep the server's own data there: `sqlite:PATH`, `postgres://…`, `mysql://…`, `redis://…`, `memory:`.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAROE_STORAGE",
        hide_env_values = true
    )]
    pub storage: Option<Url>,

    /// Keep sessions and flows there, and not where the storage is.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAROE_MAIN_STORAGE",
        hide_env_values = true
    )]
    pub main_storage: Option<Url>,

    /// Count attempts there, and not where the storage is.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAROE_RATE_LIMIT_STORAGE",
        hide_env_values = true
    )]
    pub rate_limit_storage: Option<Url>,

    /// Remember validated sessions there.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAROE_CACHE",
        hide_env_values = true
    )]
    pub cache: Option<Url>,

    /// The users are there: `sqlite:PATH`, `postgres://…`, `mysql://…`, or `https://…` for a user server.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAROE_USER_STORE",
        hide_env_values = true
    )]
    pub user_store: Option<Url>,

    /// Whether passwords that are easy to guess are refused (default: true).
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        env = "FAROE_PASSWORD_STRENGTH_CHECK"
    )]
    pub password_strength_check: Option<bool>,

    /// Whether breached passwords are looked up and refused (default: off in development, fail-open in production).
    #[arg(
        long,
        global = true,
        value_name = "POLICY",
        env = "FAROE_PASSWORD_BREACH_CHECK"
    )]
    pub password_breach_check: Option<BreachCheck>,

    /// Look them up there (default: `https://api.pwnedpasswords.com`).
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAROE_PASSWORD_BREACH_CHECK_URL",
        hide_env_values = true
    )]
    pub password_breach_check_url: Option<Url>,

    /// Whether each client address has a limit (default: only if the file has a section for it).
    #[arg(long, global = true, value_name = "BOOL", env = "FAROE_IP_RATE_LIMIT")]
    pub ip_rate_limit: Option<bool>,

    /// Of so many proxies in front, the outermost tells the client's address, in X-Forwarded-For (default: 0).
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "FAROE_IP_RATE_LIMIT_TRUSTED_PROXIES"
    )]
    pub ip_rate_limit_trusted_proxies: Option<usize>,

    /// Send emails that way: `smtps://…`, `smtp://…` or `https://…`; production mode needs it.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAROE_EMAIL_SENDER",
        hide_env_values = true
    )]
    pub email_sender: Option<Url>,

    /// Send emails in this name, such as `Example <no-reply@example.com>`.
    #[arg(long, global = true, value_name = "ADDRESS", env = "FAROE_EMAIL_FROM")]
    pub email_from: Option<String>,

    /// What to log, such as `warn` or `info,faroe_server=debug` (default: info).
    #[arg(long, global = true, value_name = "FILTER", env = "FAROE_LOG")]
    pub log: Option<String>,
}

/// What the server is started for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// For one developer's machine: codes are shown instead of sent, and only this machine can connect.
    #[default]
    Development,
    /// For users.
    Production,
}

/// A URL, which may hold a password: it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Where a URL has a password, if it has one: before an `@`, or in its query. What only looks like one counts as well.
pub(crate) fn holds_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let before_host = rest.rsplit_once('@').map(|(credentials, _)| credentials);
    let is_before_host = before_host.is_some_and(|credentials| credentials.contains(':'));
    let in_query = |parameter: &str| parameter.starts_with("password=");
    is_before_host || rest.split(['?', '&']).skip(1).any(in_query)
}

impl From<String> for Url {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl FromStr for Url {
    type Err = Infallible;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Ok(Self(url.to_owned()))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_found_wherever_it_stands() {
        for url in [
            "postgres://me:secret@host/db",
            "--storage=redis://:secret@host",
            "smtps://me%40example.com:sec/r?et@host",
            "postgres://host/db?user=me&password=secret",
            "mysql://host/db?password=secret",
        ] {
            assert!(holds_password(url), "{url}");
        }
        for url in [
            "postgres://me@host:5432/db?sslmode=require",
            "redis://127.0.0.1:6379",
            "https://users.example.com/",
            "sqlite:a:b@c",
            "Example <no-reply@example.com>",
        ] {
            assert!(!holds_password(url), "{url}");
        }
    }
}
