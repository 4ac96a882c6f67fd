//! `faroe-server check-config`: shows the parts that the server would use, and tries to reach each of them.

use std::{fmt::Display, io::Write};

use faroe_axum::ip_rate_limit::IpRateLimitOptions;
use faroe_core::RateLimit;
use faroe_pwned_passwords::{PwnedPasswords, PwnedPasswordsOptions, WhenUnknown};
use humantime::format_duration;

use crate::{
    Configuration, Mode, StartError,
    assembly::{UNCONFIGURED_HASH, UnverifiableHashes, algorithms},
    configuration::{EmailSenderPlace, Named, Settings, StoragePlace},
    open::{
        self, Backend, Patience, could_not_use,
        email::{OpenEmailSender, email_templates, failed},
        users::Users,
    },
    role::Role,
};

/// Opens every part that the configuration names, tries it out, and writes one line for each as it goes. Returns whether all
/// of them can be used. A part without which the server works by its policy is a warning.
///
/// Missing tables and SQLite files are created, as when the server starts. A storage gets an entry, which is deleted again.
/// Nothing listens, and no email is sent; a webhook is posted `{"type": "check"}`.
pub async fn check_config(configuration: &Configuration, output: &mut impl Write) -> bool {
    let settings = &configuration.settings;
    let mut report = Report {
        output,
        is_well: true,
    };
    report.line("mode", name_of(settings.mode), Ok(()));
    report.line("listen", settings.listen, Ok(()));
    let data_dir = open::data_dir(settings);
    if let Some(folder) = settings.used_data_dir() {
        report.line("data folder", folder.display(), data_dir);
    }
    let main = settings.main_storage_place();
    let tried = try_storage(&main, |storage| Role::MainStorage(storage.main())).await;
    report.line("storage", &main, tried);
    let rate_limit = settings.rate_limit_storage_place();
    let role = |storage: Backend| Role::RateLimitStorage(storage.rate_limit());
    let tried = try_storage(&rate_limit, role).await;
    report.line("rate limit storage", &rate_limit, tried);
    if let Some(cache) = settings.cache_place() {
        let tried = try_storage(&cache, |storage| Role::Cache(storage.cache())).await;
        report.line("cache", &cache, tried);
    }
    let place = settings.user_store_place();
    let (users, tried) = match try_users(settings).await {
        Ok(users) => (Some(users), Ok(())),
        Err(error) => (None, Err(error)),
    };
    report.line("user store", place, tried);
    let algorithms = algorithms(settings);
    match &algorithms {
        Ok(algorithms) => {
            let previous = algorithms.previous.iter();
            let names: Vec<_> = previous.map(|verifier| verifier.name()).collect();
            if !names.is_empty() {
                report.line("previous password hashes", names.join(", "), Ok(()));
            }
        }
        Err(error) => report.line("password hashes", "", Err(error.clone())),
    }
    if let (Some(users), Ok(algorithms)) = (users, algorithms) {
        match UnverifiableHashes::find(&algorithms, &users).await {
            Ok(found) => {
                let kinds = check_kinds(&found);
                report.line("password hashes", "of configured kinds", kinds);
                if let Some(message) = found.unfit() {
                    report.warning(message);
                }
            }
            Err(error) => {
                let error = StartError::because("password hashes", &error);
                report.line("password hashes", "", Err(error));
            }
        }
    }
    match settings.ip_rate_limit.options() {
        Ok(limit) => report.line("limit per IP address", describe(limit.as_ref()), Ok(())),
        Err(error) => report.line("limit per IP address", "", Err(error)),
    }
    if let Some(options) = settings.passwords.breach_check_options(settings.mode) {
        match ask_range_service(&options).await {
            Err(error) if options.when_unknown == WhenUnknown::AllowPassword => {
                let effect = "new passwords are accepted without this check (fail-open)";
                report.warning(format_args!("{error}; {effect}"));
            }
            answer => report.line("breached passwords", options.base_url, answer),
        }
    }
    match &settings.email_sender {
        Some(place) => report.line("emails", place, check_email_sender(place, settings).await),
        None => {
            let templates = email_templates(&settings.email);
            report.line("emails", "shown, not sent", templates.map(drop));
        }
    }
    report.is_well
}

fn name_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Development => "development",
        Mode::Production => "production",
    }
}

fn describe(limit: Option<&IpRateLimitOptions>) -> String {
    let Some(limit) = limit else {
        return "none".to_owned();
    };
    let budget = |RateLimit { capacity, interval }| {
        format!("{capacity} and one every {}", format_duration(interval))
    };
    let (attempts, requests) = (budget(limit.attempts), budget(limit.requests));
    let trusted_proxies = limit.trusted_proxies;
    format!("attempts {attempts}, requests {requests}, trusted proxies {trusted_proxies}")
}

/// The lines that are written.
struct Report<W> {
    output: W,
    /// `true` until a part fails.
    is_well: bool,
}

impl<W: Write> Report<W> {
    /// Writes a line. An error names the place itself.
    fn line(&mut self, part: &str, place: impl Display, result: Result<(), StartError>) {
        // A reader that closed standard output still gets the status.
        let _ = match result {
            Ok(()) => writeln!(self.output, "ok      {part}: {place}"),
            Err(error) => {
                self.is_well = false;
                writeln!(self.output, "FAILED  {error}")
            }
        };
    }

    /// Writes a line about a part without which the server works.
    fn warning(&mut self, text: impl Display) {
        let _ = writeln!(self.output, "WARNING {text}");
    }
}

/// Opens the place of one role alone, and tries a write.
async fn try_storage(
    named: &Named<StoragePlace>,
    role: impl FnOnce(Backend) -> Role,
) -> Result<(), StartError> {
    let storage = Backend::open(named, Patience::none()).await?;
    try_out(named, &role(storage)).await
}

async fn try_out(named: &Named<impl Display + Sync>, role: &Role) -> Result<(), StartError> {
    let tried = role.try_out().await;
    tried.map_err(|error| could_not_use(named, &error))
}

async fn try_users(settings: &Settings) -> Result<Users, StartError> {
    let users = open::users::open(settings, Patience::none()).await?;
    let role = Role::UserStore(users.clone());
    try_out(&settings.user_store_place(), &role).await?;
    Ok(users)
}

/// Checks that the kinds of hashes in the users table are configured.
fn check_kinds(found: &UnverifiableHashes) -> Result<(), StartError> {
    if found.unconfigured.is_empty() {
        return Ok(());
    }
    let kinds: Vec<_> = found.unconfigured.iter().map(String::as_str).collect();
    let kinds = kinds.join(", ");
    Err(StartError::new(format!(
        "password hashes: {kinds}: {UNCONFIGURED_HASH}"
    )))
}

async fn ask_range_service(options: &PwnedPasswordsOptions) -> Result<(), StartError> {
    let reached = PwnedPasswords::new(options.clone()).reach().await;
    reached.map_err(|error| {
        StartError::because(format!("breached passwords ({})", options.base_url), &error)
    })
}

/// Checks the email sender, which has a time limit of its own.
async fn check_email_sender(
    place: &EmailSenderPlace,
    settings: &Settings,
) -> Result<(), StartError> {
    let sender = OpenEmailSender::open(place, &settings.email)?;
    sender.check().await.map_err(|error| failed(place, &error))
}
