//! The configuration file: every key is optional, and a key that does not exist is refused.

use std::{
    fs, io,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use faroe_argon2::Parameters;
use faroe_core::{Hashing, RateLimit, RateLimits, SessionConfiguration};
use faroe_users_table::UsersTable;
use serde::Deserialize;

use super::{
    EmailSenderPlace, Http, Origin, StoragePlace, UserStorePlace, email::EmailSection,
    ip_rate_limit::IpRateLimitSection, passwords::PasswordsSection, secret::everyone_can_read,
    user_server::UserServerSection, value::HumaneDuration,
};
use crate::{
    arguments::{Mode, holds_password},
    error::StartError,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) mode: Option<Mode>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) log: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) storage: Option<StoragePlace>,
    pub(super) main_storage: Option<StoragePlace>,
    pub(super) rate_limit_storage: Option<StoragePlace>,
    pub(super) cache: Option<StoragePlace>,
    pub(super) user_store: Option<UserStorePlace>,
    pub(super) users_table: Option<UsersTable>,
    pub(super) email_sender: Option<EmailSenderPlace>,
    pub(super) email: EmailSection,
    pub(super) user_server: UserServerSection,
    pub(super) session: SessionSection,
    pub(super) hashing: HashingSection,
    pub(super) rate_limits: RateLimitsSection,
    pub(super) ip_rate_limit: Option<IpRateLimitSection>,
    pub(super) passwords: PasswordsSection,
    pub(super) http: HttpSection,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, StartError> {
        let place = path.display();
        let failed = |error: io::Error| {
            let what = format!("could not read the configuration file {place}");
            StartError::because(what, &error)
        };
        let metadata = fs::metadata(path).map_err(failed)?;
        let text = fs::read_to_string(path).map_err(failed)?;
        let file =
            Self::parse(&text).map_err(|message| StartError::new(format!("{place}, {message}")))?;
        match file.key_with_password() {
            Some(key) if everyone_can_read(&metadata) => Err(StartError::new(format!(
                "{place}, {key}: the URL has a password, and every user of this machine can read the file: \
                 chmod 600 {place}, or put the URL into the environment (FAROE_{})",
                key.to_ascii_uppercase()
            ))),
            _ => Ok(file),
        }
    }

    /// A key whose URL has a password, if there is one.
    fn key_with_password(&self) -> Option<&'static str> {
        let users = self.user_store.as_ref().and_then(UserStorePlace::url);
        let emails = self.email_sender.as_ref().and_then(EmailSenderPlace::url);
        let storages = [
            ("storage", &self.storage),
            ("main_storage", &self.main_storage),
            ("rate_limit_storage", &self.rate_limit_storage),
            ("cache", &self.cache),
        ];
        let storages =
            storages.map(|(key, place)| (key, place.as_ref().and_then(StoragePlace::url)));
        let others = [("user_store", users), ("email_sender", emails)];
        let mut urls = storages.into_iter().chain(others);
        let found = urls.find(|(_, url)| url.is_some_and(|url| holds_password(url.expose())));
        found.map(|(key, _)| key)
    }

    /// `Err` is `line N: KEY: what is wrong`.
    fn parse(text: &str) -> Result<Self, String> {
        let at = |error: &toml::de::Error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            format!("line {}", before.matches('\n').count() + 1)
        };
        let deserializer = toml::Deserializer::parse(text)
            .map_err(|error| format!("{}: {}", at(&error), error.message()))?;
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let (key, error) = (error.path().to_string(), error.inner());
            format!("{}: {key}: {}", at(error), error.message())
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SessionSection {
    inactivity_timeout: Option<HumaneDuration>,
    activity_check_interval: Option<HumaneDuration>,
    absolute_expiration: Option<HumaneDuration>,
    cache_expiration: Option<HumaneDuration>,
    user_cache_expiration: Option<HumaneDuration>,
    end_other_sessions_on_password_change: Option<bool>,
}

impl SessionSection {
    pub(super) fn resolve(self) -> SessionConfiguration {
        let mut session = SessionConfiguration::default();
        session.inactivity_timeout = or(self.inactivity_timeout, session.inactivity_timeout);
        session.activity_check_interval = or(
            self.activity_check_interval,
            session.activity_check_interval,
        );
        session.absolute_expiration = self.absolute_expiration.map(|duration| duration.0);
        session.cache_expiration = self.cache_expiration.map(|duration| duration.0);
        session.user_cache_expiration = self.user_cache_expiration.map(|duration| duration.0);
        session.end_other_sessions_on_password_change = self
            .end_other_sessions_on_password_change
            .unwrap_or(session.end_other_sessions_on_password_change);
        session
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HashingSection {
    permits: Option<NonZeroUsize>,
    queue: Option<usize>,
    memory_kib: Option<u32>,
    iterations: Option<u32>,
    /// Whether the faster implementation computes the hashes, which nobody has audited.
    pub(super) fast: bool,
    previous: Vec<PreviousHash>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PreviousHash {
    memory_kib: u32,
    iterations: u32,
}

impl HashingSection {
    pub(super) fn resolve(self) -> (Hashing, Parameters, Vec<Parameters>) {
        let permits = self
            .permits
            .map_or(Hashing::default().permits, NonZeroUsize::get);
        // About two seconds of work: a hash of the default cost takes an eighth of one.
        let mut hashing = Hashing::default();
        hashing.permits = permits;
        hashing.queue = self.queue.unwrap_or(permits.saturating_mul(16));
        let argon2id = |memory_kib, iterations| Parameters {
            memory_kib,
            iterations,
            parallelism: 1,
            hash_length: 32,
        };
        let current = argon2id(
            self.memory_kib.unwrap_or(65_536),
            self.iterations.unwrap_or(3),
        );
        let previous = self
            .previous
            .iter()
            .map(|hash| argon2id(hash.memory_kib, hash.iterations))
            .collect();
        (hashing, current, previous)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateLimitsSection {
    verify_user_password: RateLimitSection,
    send_email: RateLimitSection,
    verify_email_address_verification_code: RateLimitSection,
    verify_temporary_password: RateLimitSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateLimitSection {
    capacity: Option<NonZeroU32>,
    interval: Option<HumaneDuration>,
}

impl RateLimitsSection {
    pub(super) fn resolve(self) -> RateLimits {
        let mut limits = RateLimits::default();
        limits.verify_user_password = self.verify_user_password.or(limits.verify_user_password);
        limits.send_email = self.send_email.or(limits.send_email);
        limits.verify_email_address_verification_code = self
            .verify_email_address_verification_code
            .or(limits.verify_email_address_verification_code);
        limits.verify_temporary_password = self
            .verify_temporary_password
            .or(limits.verify_temporary_password);
        limits
    }
}

impl RateLimitSection {
    pub(super) fn or(self, default: RateLimit) -> RateLimit {
        RateLimit {
            capacity: self.capacity.map_or(default.capacity, NonZeroU32::get),
            interval: or(self.interval, default.interval),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpSection {
    max_connections: Option<NonZeroU32>,
    header_timeout: Option<HumaneDuration>,
    body_timeout: Option<HumaneDuration>,
    request_timeout: Option<HumaneDuration>,
    write_timeout: Option<HumaneDuration>,
    shutdown_timeout: Option<HumaneDuration>,
    allowed_origins: Vec<Origin>,
    blocked_actions: Vec<String>,
}

impl HttpSection {
    pub(super) fn resolve(self) -> Http {
        let seconds = Duration::from_secs;
        Http {
            max_connections: self.max_connections.map_or(1024, NonZeroU32::get),
            header_timeout: or(self.header_timeout, seconds(5)),
            body_timeout: or(self.body_timeout, seconds(10)),
            request_timeout: or(self.request_timeout, seconds(15)),
            write_timeout: or(self.write_timeout, seconds(10)),
            shutdown_timeout: or(self.shutdown_timeout, seconds(10)),
            allowed_origins: self.allowed_origins,
            blocked_actions: self.blocked_actions,
        }
    }
}

fn or(given: Option<HumaneDuration>, default: Duration) -> Duration {
    given.map_or(default, |duration| duration.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_readme_is_understood() {
        let readme = include_str!("../../README.md");
        let (_, example) = readme.split_once("```toml\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let file = File::parse(example).unwrap();
        assert_eq!(file.users_table.unwrap().columns.email_address, "email");
        let send_email = file.rate_limits.resolve().send_email;
        assert_eq!(
            send_email,
            RateLimit {
                capacity: 5,
                interval: Duration::from_secs(600)
            }
        );
        assert_eq!(
            file.session.resolve().absolute_expiration,
            Some(Duration::from_secs(90 * 86_400))
        );
    }

    #[test]
    fn what_is_not_given_has_the_documented_default() {
        let file = File::parse("").unwrap();
        assert_eq!(file.session.resolve(), SessionConfiguration::default());
        assert_eq!(file.rate_limits.resolve(), RateLimits::default());
        let http = file.http.resolve();
        let times = [http.header_timeout, http.body_timeout, http.request_timeout];
        assert_eq!(times, [5, 10, 15].map(Duration::from_secs));
        assert_eq!(http.max_connections, 1024);
        let (hashing, current, previous) = file.hashing.resolve();
        assert_eq!(hashing, Hashing::default());
        assert_eq!(
            (current.memory_kib, current.iterations, previous.len()),
            (65_536, 3, 0)
        );
    }
}
