//! Values of the configuration file that are more than a number or a text.

use std::time::Duration;

use serde::Deserialize;

/// A duration as people write it: `30 days`, `1h 30m`, `500ms`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HumaneDuration(pub(super) Duration);

impl TryFrom<String> for HumaneDuration {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match humantime::parse_duration(&text) {
            Ok(duration) if !duration.is_zero() => Ok(Self(duration)),
            _ => Err("expected a duration longer than zero, such as \"30 days\" or \"1h 30m\""),
        }
    }
}

/// The origin of web pages, `scheme://host` or `scheme://host:port`, exactly as browsers send it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_scheme = |scheme: &str| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        let is_authority = |authority: &str| {
            let allowed = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte)
            };
            !authority.is_empty() && authority.bytes().all(allowed)
        };
        match text.split_once("://") {
            Some((scheme, authority)) if is_scheme(scheme) && is_authority(authority) => {
                Ok(Self(text))
            }
            _ => Err(
                "expected an origin as browsers send it, such as \"https://app.example.com\", and no pattern",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_people_do() {
        for (text, seconds) in [
            ("30 days", 2_592_000),
            ("1 minute", 60),
            ("1h 30m", 5400),
            ("5s", 5),
        ] {
            assert_eq!(
                HumaneDuration::try_from(text.to_owned()).unwrap().0,
                Duration::from_secs(seconds)
            );
        }
        for text in [
            "",
            "30",
            "0s",
            "-1 day",
            "soon",
            "1e9 days",
            "99999999999999999999 years",
        ] {
            assert!(HumaneDuration::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_are_exact() {
        for text in [
            "https://app.example.com",
            "http://localhost:5173",
            "https://[::1]:8443",
            "capacitor://localhost",
        ] {
            assert_eq!(Origin::try_from(text.to_owned()).unwrap().as_str(), text);
        }
        for text in [
            "*",
            "null",
            "",
            "https://",
            "app.example.com",
            "https://*.example.com",
            "https://a.example/",
            "https://A.example",
            "https://a.example/path",
            "https://user@a.example",
            "https://a.example\r\n",
        ] {
            assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
