//! `faroe-server check-config`: what the server would use, and whether it can be reached.

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
    configuration::{EmailSenderPlace, StoragePlace},
    open,
    open_email::{OpenEmailSender, email_templates, failed},
};

/// What has not answered within this time is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// A key and a user ID that nothing has.
const NOTHING: &str = "check-config";

/// Opens every part that the configuration names, asks it something, and writes one line for each as it goes. Returns
/// whether all is well.
///
/// Missing tables and SQLite files are created, as when the server starts. Nothing listens, and no email is sent; a webhook
/// is asked whether it is there.
pub async fn check_config(configuration: &Configuration, output: &mut impl Write) -> bool {
    let mut report = Report {
        output,
        all_is_well: true,
    };
    report.line("mode", name_of(configuration.mode), Ok(()));
    report.line("listen", configuration.listen, Ok(()));
    let data_dir = open::data_dir(configuration);
    if let Some(folder) = configuration.data_dir() {
        report.line("data folder", folder.display(), data_dir);
    }
    let (main, rate_limit) = (
        &configuration.main_storage,
        &configuration.rate_limit_storage,
    );
    report.line("storage", main, ask_main_storage(main).await);
    let answer = ask_rate_limit_storage(rate_limit).await;
    report.line("rate limit storage", rate_limit, answer);
    if let Some(cache) = &configuration.cache {
        report.line("cache", cache, ask_cache(cache).await);
    }
    let answer = ask_user_store(configuration).await;
    report.line("user store", &configuration.user_store, answer);
    let limit = configuration.ip_rate_limit.as_ref();
    let limit = limit.map_or_else(|| "none".to_owned(), describe);
    report.line("limit per IP address", limit, Ok(()));
    if let Some(options) = &configuration.passwords.breach_check {
        let answer = ask_range_service(options).await;
        report.line("breached passwords", &options.base_url, answer);
    }
    match &configuration.email_sender {
        Some(place) => report.line(
            "emails",
            place,
            check_email_sender(place, configuration).await,
        ),
        None => {
            let templates = email_templates(&configuration.email);
            report.line("emails", "shown, not sent", templates.map(drop));
        }
    }
    report.all_is_well
}

fn name_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Development => "development",
        Mode::Production => "production",
    }
}

fn describe(limit: &IpRateLimitOptions) -> String {
    let budget = |RateLimit { capacity, interval }| {
        format!("{capacity} and one every {}", format_duration(interval))
    };
    let (attempts, requests) = (budget(limit.attempts), budget(limit.requests));
    let trusted_proxies = limit.trusted_proxies;
    format!("attempts {attempts}, requests {requests}, trusted proxies {trusted_proxies}")
}

/// The lines so far.
struct Report<W> {
    output: W,
    all_is_well: bool,
}

impl<W: Write> Report<W> {
    /// An error names the place itself.
    fn line(&mut self, part: &str, place: impl Display, result: Result<(), StartError>) {
        // Someone who closed standard output still gets the status.
        let _ = match result {
            Ok(()) => writeln!(self.output, "ok      {part}: {place}"),
            Err(error) => {
                self.all_is_well = false;
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

async fn ask_user_store(configuration: &Configuration) -> Result<(), StartError> {
    let (place, nobody) = (&configuration.user_store, UserId::from(NOTHING));
    let user_store = open::user_store(configuration).await?;
    ask("user store", place, user_store.get_user(&nobody)).await
}

async fn ask_range_service(options: &PwnedPasswordsOptions) -> Result<(), StartError> {
    let reached = PwnedPasswords::new(options.clone()).reach().await;
    reached.map_err(|error| {
        StartError::because(format!("breached passwords ({})", options.base_url), &error)
    })
}

/// It has a deadline of its own.
async fn check_email_sender(
    place: &EmailSenderPlace,
    configuration: &Configuration,
) -> Result<(), StartError> {
    let sender = OpenEmailSender::open(place, &configuration.email)?;
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
