//! The command line and the environment.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use serde::Deserialize;

const AFTER_HELP: &str = "\
With no arguments the server starts in development mode: it listens on 127.0.0.1:4000, keeps SQLite files in
./faroe-data, and shows every email in its log and at GET /dev/emails.

A flag wins over its environment variable, which wins over the configuration file, which wins over the default.

Endpoints:
  POST /            invokes an action: {\"action\": \"create_signup\", \"arguments\": {\"email_address\": \"you@example.com\"}}
  GET  /health      200 as long as the process lives
  GET  /ready       200 when storage and user store answer, else 503
  GET  /dev/emails  the emails, oldest first; ?to=ADDRESS selects (development mode only)

SIGTERM or Ctrl-C: finish the requests in flight, then exit. A second one: exit at once.";

/// What was given on the command line and in the environment.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "faroe-server", version, about = "The Faroe auth server", after_help = AFTER_HELP)]
pub struct Arguments {
    /// Read settings from this TOML file.
    #[arg(long, value_name = "FILE", env = "FAROE_CONFIG")]
    pub config: Option<PathBuf>,

    /// Which mode to start in (default: development).
    #[arg(long, value_name = "MODE", env = "FAROE_MODE")]
    pub mode: Option<Mode>,

    /// Listen here; port 0 takes a free one (default: 127.0.0.1:4000).
    #[arg(long, value_name = "ADDR:PORT", env = "FAROE_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// Keep the SQLite files here; created if it is not there (default: ./faroe-data).
    #[arg(long, value_name = "DIR", env = "FAROE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// What to log, such as `warn` or `info,faroe_server=debug` (default: info).
    #[arg(long, value_name = "FILTER", env = "FAROE_LOG")]
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
