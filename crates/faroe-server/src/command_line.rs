//! The command line.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    process,
};

use clap::{
    Arg, ArgAction, ArgMatches, FromArgMatches, Subcommand, builder::PossibleValuesParser,
    value_parser,
};
use faroe_address::holds_password;

use crate::{
    configuration::{self, Sources, config_reference},
    error::StartError,
};

const AFTER_HELP: &str = "\
Without a command the server starts. With no arguments at all it is in development mode: it listens on
127.0.0.1:4000, keeps SQLite files in ./faroe-data, and shows every email in its log and at GET /dev/emails.

A flag wins over its environment variable, which wins over the configuration file, which wins over the default.
All keys of the file can be set by environment variables: FAROE_SESSION__INACTIVITY_TIMEOUT sets
session.inactivity_timeout. --config-reference lists them.

Put a URL with a password into the environment or into a file that others cannot read; as a flag it is refused.
check-config and send-test-email show whether emails can be sent in production mode.

Endpoints:
  POST /            invokes an action: {\"action\": \"create_signup\", \"arguments\": {\"email_address\": \"you@example.com\"}}
  GET  /health      200 as long as the process lives
  GET  /ready       200 when storage and user store answer, else 503
  GET  /dev         a page that shows the emails and walks through every flow (development mode only)
  GET  /dev/emails  the emails, oldest first; ?to=ADDRESS selects (development mode only)

SIGTERM or Ctrl-C finishes the requests in flight and exits; a second one exits at once.";

const CONFIG: &str = "config";
const CONFIG_REFERENCE: &str = "config-reference";

/// The command line of the program.
#[derive(Clone, Debug)]
pub struct CommandLine {
    /// The settings on it and in the environment.
    pub sources: Sources,
    /// The command, unless the server is to serve.
    pub command: Option<Command>,
}

/// A command besides serving.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Show what the server would use and try to reach each part; status 0 if all of them answer
    ///
    /// One line is printed for each part. As when the server starts, missing tables and SQLite files are created.
    /// Nothing listens.
    CheckConfig,

    /// Serve the users to a Faroe server elsewhere, which has `user_store = "https://…"`
    ///
    /// Only `listen`, `mode`, `data_dir`, `user_store`, `users_table`, `user_server`, `http` and `log` matter for it.
    UserServer,

    /// Send a message with a made-up code to an address, as the server would send a code
    SendTestEmail {
        /// Recipient of the message
        address: String,
    },
}

impl CommandLine {
    /// Reads the command line and the environment of this process. Asked for help, the version or the reference of the
    /// configuration, it prints that and ends the process.
    ///
    /// # Errors
    ///
    /// An unknown flag or value, in one line; and a URL with a password, wherever it stands, which is not repeated.
    pub fn read() -> Result<Self, StartError> {
        let mut words = env::args_os().skip(1);
        if words.any(|word| holds_password(&word.to_string_lossy())) {
            return Err(StartError::usage(
                "a URL with a password is an argument, and every user of this machine can see arguments; put it into the \
                 environment (such as FAROE_STORAGE) or into the configuration file",
            ));
        }
        let matches = program().try_get_matches().map_err(|error| {
            if !error.use_stderr() {
                error.exit();
            }
            let text = error.render().to_string();
            let paragraphs: Vec<_> = text.split("\n\n").map(str::trim).collect();
            StartError::usage(paragraphs.join("; ").trim_start_matches("error: "))
        })?;
        if matches.get_flag(CONFIG_REFERENCE) {
            // A reader that closed standard output wants no more.
            let _ = io::stdout().write_all(config_reference().as_bytes());
            process::exit(0);
        }
        Ok(Self {
            sources: sources(&matches),
            command: matches.subcommand_name().map(|_| {
                Command::from_arg_matches(&matches).expect("a command was matched as declared")
            }),
        })
    }
}

/// Returns the environment with the flags over it.
fn sources(matches: &ArgMatches) -> Sources {
    let mut sources = Sources::environment();
    if let Some(path) = matches.get_one::<PathBuf>(CONFIG) {
        sources = sources.file(path);
    }
    for entry in configuration::entries() {
        let Some((flag, _)) = entry.key.flag() else {
            continue;
        };
        if let Some(text) = matches.get_one::<String>(flag) {
            sources = sources.set(&entry.path, text);
        }
    }
    sources
}

/// Returns the declaration of the command line, with a flag for each key that has one.
fn program() -> clap::Command {
    let program = clap::Command::new("faroe-server")
        .version(env!("CARGO_PKG_VERSION"))
        .arg(
            option(CONFIG, "FILE")
                .value_parser(value_parser!(PathBuf))
                .help(format!(
                    "TOML file with settings [env: {}]",
                    configuration::FILE
                )),
        )
        .arg(
            Arg::new(CONFIG_REFERENCE)
                .long(CONFIG_REFERENCE)
                .action(ArgAction::SetTrue)
                .help("Print all keys of the configuration as a table in Markdown"),
        );
    let program = Command::augment_subcommands(program)
        .about("The Faroe auth server")
        .after_help(AFTER_HELP);
    let defaults = configuration::Defaults::new();
    configuration::entries()
        .iter()
        .fold(program, |program, entry| {
            let Some((flag, value)) = entry.key.flag() else {
                return program;
            };
            let mut help = entry.key.about.trim().trim_end_matches('.').to_owned();
            for (what, text) in [
                ("default", defaults.of(entry)),
                ("env", entry.flag_variable().unwrap_or_default()),
            ] {
                if !text.is_empty() {
                    help += &format!(" [{what}: {}]", text.replace(['`', '"'], ""));
                }
            }
            let values = (entry.key.values)();
            let arg = option(flag, value).help(help);
            program.arg(match values.is_empty() {
                true => arg,
                false => arg.value_parser(PossibleValuesParser::new(values)),
            })
        })
}

fn option(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).global(true)
}
