//! What each client address may do.

use faroe_axum::ip_rate_limit::IpRateLimitOptions;
use serde::Deserialize;

use super::file::RateLimitSection;
use crate::{arguments::Arguments, error::StartError};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IpRateLimitSection {
    enabled: Option<bool>,
    trusted_proxies: Option<usize>,
    attempts: RateLimitSection,
    requests: RateLimitSection,
}

/// `None`: no limit. That is the default, for the usual caller is an application's backend, which is one address.
pub(super) fn resolve(
    section: Option<IpRateLimitSection>,
    arguments: &Arguments,
) -> Result<Option<IpRateLimitOptions>, StartError> {
    let is_on = match (arguments.ip_rate_limit, &section) {
        (Some(is_on), _) => is_on,
        (None, Some(section)) => section.enabled.unwrap_or(true),
        (None, None) if arguments.ip_rate_limit_trusted_proxies.is_some() => {
            return Err(StartError::new(
                "ip_rate_limit.trusted_proxies is for a limit that is off: set FAROE_IP_RATE_LIMIT=true too, or a section \
                 [ip_rate_limit] in the file",
            ));
        }
        (None, None) => false,
    };
    if !is_on {
        return Ok(None);
    }
    let (section, mut options) = (section.unwrap_or_default(), IpRateLimitOptions::default());
    options.attempts = section.attempts.or(options.attempts);
    options.requests = section.requests.or(options.requests);
    options.trusted_proxies = arguments
        .ip_rate_limit_trusted_proxies
        .or(section.trusted_proxies)
        .unwrap_or(options.trusted_proxies);
    options
        .check()
        .map_err(|reason| StartError::new(format!("ip_rate_limit.{reason}")))?;
    Ok(Some(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_on_if_there_is_a_section_unless_it_is_said() {
        let disabled = || IpRateLimitSection {
            enabled: Some(false),
            ..IpRateLimitSection::default()
        };
        for (section, argument, expected) in [
            (None, None, false),
            (None, Some(true), true),
            (Some(IpRateLimitSection::default()), None, true),
            (Some(IpRateLimitSection::default()), Some(false), false),
            (Some(disabled()), None, false),
            (Some(disabled()), Some(true), true),
        ] {
            let arguments = Arguments {
                ip_rate_limit: argument,
                ..Arguments::default()
            };
            let options = resolve(section, &arguments).unwrap();
            assert_eq!(
                options,
                expected.then(IpRateLimitOptions::default),
                "{argument:?}"
            );
        }
    }
}
