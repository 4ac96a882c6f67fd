//! `faroe-server check-config`: shows the parts that the server would use, and tries to reach each of them.

use std::{fmt::Display, io::Write, time::Duration};

use faroe_axum::ip_rate_limit::IpRateLimitOptions;
use faroe_core::{
    RateLimit,
    error::{AdapterError, ErrorChain},
    user_store::UserId,
};
use faroe_pwned_passwords::{PwnedPasswords, PwnedPasswordsOptions};
use humantime::format_duration;
use tokio::time::timeout;

use crate::{
    Configuration, Mode, StartError,
    assembly::algorithms,
    configuration::{EmailSenderPlace, Settings, StoragePlace},
    open::{
        self,
        email::{OpenEmailSender, email_templates, failed},
    },
};

/// The time within which a part has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A key and a user ID that do not exist.
const NOTHING: &str = "check-config";

/// Opens every part that the configuration names, sends it a request, and writes one line for each as it goes. Returns
/// whether all of them answered.
///
/// Missing tables and SQLite files are created, as when the server starts. Nothing listens, and no email is sent; a webhook
/// is posted `{"type": "check"}`.
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
    report.line("storage", &main, ask_main_storage(&main).await);
    let rate_limit = settings.rate_limit_storage_place();
    let answer = ask_rate_limit_storage(&rate_limit).await;
    report.line("rate limit storage", rate_limit, answer);
    if let Some(cache) = settings.cache_place() {
        report.line("cache", &cache, ask_cache(&cache).await);
    }
    let answer = ask_user_store(settings).await;
    report.line("user store", settings.user_store_place(), answer);
    match algorithms(settings) {
        Ok(algorithms) => {
            let previous = algorithms.previous.iter();
            let names: Vec<_> = previous.map(|verifier| verifier.name()).collect();
            if !names.is_empty() {
                report.line("previous password hashes", names.join(", "), Ok(()));
            }
        }
        Err(error) => report.line("password hashes", "", Err(error)),
    }
    match settings.ip_rate_limit.options() {
        Ok(limit) => report.line("limit per IP address", describe(limit.as_ref()), Ok(())),
        Err(error) => report.line("limit per IP address", "", Err(error)),
    }
    if let Some(options) = settings.passwords.breach_check_options(settings.mode) {
        let answer = ask_range_service(&options).await;
        report.line("breached passwords", options.base_url, answer);
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
}

async fn ask_main_storage(place: &StoragePlace) -> Result<(), StartError> {
    let storage = open::main_storage(place).await?;
    ask("storage", place, storage.get(NOTHING)).await
}

async fn ask_rate_limit_storage(place: &StoragePlace) -> Result<(), StartError> {
    let storage = open::rate_limit_storage(place).await?;
    ask("rate limit storage", place, storage.get(NOTHING)).await
}

async fn ask_cache(place: &StoragePlace) -> Result<(), StartError> {
    let cache = open::cache(place).await?;
    ask("cache", place, cache.get(NOTHING)).await
}

async fn ask_user_store(settings: &Settings) -> Result<(), StartError> {
    let (place, nobody) = (settings.user_store_place(), UserId::from(NOTHING));
    let user_store = open::user_store(settings).await?;
    ask("user store", place, user_store.get_user(&nobody)).await
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

async fn ask<T>(
    part: &str,
    place: impl Display,
    question: impl Future<Output = Result<T, AdapterError>>,
) -> Result<(), StartError> {
    match timeout(PATIENCE, question).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(StartError::new(format!(
            "{part} ({place}): {}",
            ErrorChain(&error)
        ))),
        Err(_) => Err(StartError::new(format!(
            "{part} ({place}): no answer within {PATIENCE:?}"
        ))),
    }
}
