//! The sections `rate_limits` and `ip_rate_limit`.

use std::{num::NonZeroU32, time::Duration};

use faroe_axum::ip_rate_limit::IpRateLimitOptions;
use faroe_core as core;

use super::{
    layer::{Content, Node, Source},
    section::section,
    setting::ToToml,
};
use crate::error::StartError;

section! {
    /// One token bucket.
    RateLimit {
        /// Number allowed at once.
        capacity: NonZeroU32,
        /// Time after which one more is allowed.
        interval: Duration,
    }
}

section! {
    /// Limits for each user, address and flow, on all servers together, and two for each server.
    RateLimits => core::RateLimits {
        /// Attempts at the password of a user.
        verify_user_password: RateLimit,
        /// Emails to an address.
        send_email: RateLimit,
        /// Attempts at the code of one flow.
        verify_email_address_verification_code: RateLimit,
        /// Attempts at the temporary password of one reset.
        verify_temporary_password: RateLimit,
        /// Signins that begin for one user; beyond it the answer is 503.
        create_signin: RateLimit,
        /// Password updates and user deletions that one user's sessions begin; beyond it the answer is 503.
        create_session_flow: RateLimit,
        /// Number of signins, password updates and user deletions that may begin on this server in ten minutes; beyond it the
        /// answer is 503, and beyond half of it for users who have begun ten lately.
        begun_flows: NonZeroU32,
        /// Emails of each kind that this server sends at the request of clients: sign-up codes, codes to new addresses, temporary passwords.
        emails_per_server: RateLimit,
    }
}

section! {
    /// [A limit for each client address](#a-limit-for-each-ip-address).
    IpRateLimit {
        /// Turns the limit for each client address on.
        #[flag = "--ip-rate-limit BOOL"]
        #[otherwise = "`true` if the file has a section `[ip_rate_limit]`; production mode needs one or the other"]
        enabled: Option<bool>,
        /// Number of trusted reverse proxies in front of the server.
        #[flag = "--ip-rate-limit-trusted-proxies N"]
        #[otherwise = "0; production mode needs a number if the limit is on"]
        trusted_proxies: Option<usize>,
        /// Actions that guess a secret, send an email, hash a new password or tell who has an account.
        attempts: RateLimit = IpRateLimitOptions::default().attempts,
        /// Requests of any kind.
        requests: RateLimit = IpRateLimitOptions::default().requests,
    }
}

impl From<RateLimit> for core::RateLimit {
    fn from(limit: RateLimit) -> Self {
        Self {
            capacity: limit.capacity.get(),
            interval: limit.interval,
        }
    }
}

impl ToToml for core::RateLimit {
    fn to_toml(&self) -> Option<String> {
        let (capacity, interval) = (self.capacity, self.interval.to_toml()?);
        Some(format!(
            "{{ capacity = {capacity}, interval = {interval} }}"
        ))
    }
}

/// Turns the limit on if the file has a section for it that does not say otherwise. Without one, it is off in development
/// mode and undecided in production.
pub(super) fn turn_on(given: &mut Node) -> Result<(), StartError> {
    let Some(section) = given.get("ip_rate_limit") else {
        return Ok(());
    };
    if section.get("enabled").is_some() {
        return Ok(());
    }
    let source = section.source.clone();
    if !matches!(source, Source::File { .. }) {
        return Err(StartError::new(format!(
            "{source}: the limit per IP address is off; set FAROE_IP_RATE_LIMIT=true too, or add a section \
             [ip_rate_limit] to the file"
        )));
    }
    let content = Content::Boolean(true);
    let inserted = given.insert(&["ip_rate_limit", "enabled"], Node { source, content });
    inserted.expect("the section is a table without this key");
    Ok(())
}

impl IpRateLimit {
    /// Checks that there is a decision for or against the limit, which production mode needs.
    pub(super) fn check_decision(&self) -> Result<(), StartError> {
        match (self.enabled, self.trusted_proxies) {
            (None, _) => Err(StartError::new(
                "ip_rate_limit is not decided, and without it one client can keep all others from signing in; set \
                 FAROE_IP_RATE_LIMIT=true if browsers or apps reach this server, also through a proxy, or \
                 FAROE_IP_RATE_LIMIT=false if only your backend does",
            )),
            (Some(true), None) => Err(StartError::new(
                "ip_rate_limit counts clients by their address, which reverse proxies hide; set \
                 ip_rate_limit.trusted_proxies (FAROE_IP_RATE_LIMIT_TRUSTED_PROXIES) to the number of those in front, or to \
                 0",
            )),
            _ => Ok(()),
        }
    }

    /// Returns the options of the limit, if there is one.
    pub(crate) fn options(&self) -> Result<Option<IpRateLimitOptions>, StartError> {
        if self.enabled != Some(true) {
            return Ok(None);
        }
        let mut options = IpRateLimitOptions::default();
        options.attempts = self.attempts.clone().into();
        options.requests = self.requests.clone().into();
        if let Some(trusted_proxies) = self.trusted_proxies {
            options.trusted_proxies = trusted_proxies;
        }
        match options.check() {
            Ok(()) => Ok(Some(options)),
            Err(reason) => Err(StartError::new(format!("ip_rate_limit.{reason}"))),
        }
    }
}
