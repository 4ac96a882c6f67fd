//! The section `passwords`.

use clap::ValueEnum;
use faroe_pwned_passwords::{BaseUrl, PwnedPasswordsOptions, WhenUnknown};
use serde::Deserialize;

use super::{
    section::section,
    setting::{Setting, enumeration, setting},
    value::Mode,
};

section! {
    /// Checks of new passwords. Passwords that exist are not checked.
    Passwords {
        /// Smallest number of characters of a new password.
        minimum_length: MinimumLength = 10_usize,
        /// Refuses passwords that are easy to guess, without a network.
        #[flag = "--password-strength-check BOOL"]
        strength_check: bool = true,
        /// Refuses passwords known from breaches; `fail-open` accepts a password when the look-up fails.
        #[flag = "--password-breach-check POLICY"]
        #[otherwise = "`off` in development, `fail-open` in production"]
        breach_check: Option<BreachCheck>,
        /// Service that knows breached passwords; set it to use a mirror.
        #[flag = "--password-breach-check-url URL"]
        breach_check_url: RangeServiceUrl = BaseUrl::default().to_string().trim_end_matches('/'),
    }
}

/// The minimum length of new passwords.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "usize")]
pub(crate) struct MinimumLength(usize);

impl MinimumLength {
    pub(crate) fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<usize> for MinimumLength {
    type Error = &'static str;

    fn try_from(length: usize) -> Result<Self, Self::Error> {
        match length {
            8..=64 => Ok(Self(length)),
            _ => Err("expected a number from 8 to 64"),
        }
    }
}

/// The policy for passwords known from breaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BreachCheck {
    /// Passwords are not looked up: nothing leaves the machine.
    Off,
    /// A password that could not be looked up is accepted.
    FailOpen,
    /// A password that could not be looked up is an internal error.
    FailClosed,
}

enumeration!(BreachCheck);

/// The URL of a service that knows breached passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct RangeServiceUrl(BaseUrl);

impl TryFrom<String> for RangeServiceUrl {
    type Error = <BaseUrl as std::str::FromStr>::Err;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        url.parse().map(Self)
    }
}

setting! {
    MinimumLength: "number, 8 to 64",
    RangeServiceUrl: "URL",
}

impl Passwords {
    /// Returns how breached passwords are looked up, if they are. By default they are in production: development needs no
    /// network.
    pub(crate) fn breach_check_options(&self, mode: Mode) -> Option<PwnedPasswordsOptions> {
        let breach_check = self.breach_check.unwrap_or(match mode {
            Mode::Development => BreachCheck::Off,
            Mode::Production => BreachCheck::FailOpen,
        });
        let when_unknown = match breach_check {
            BreachCheck::Off => return None,
            BreachCheck::FailOpen => WhenUnknown::AllowPassword,
            BreachCheck::FailClosed => WhenUnknown::Fail,
        };
        Some(PwnedPasswordsOptions {
            base_url: self.breach_check_url.0.clone(),
            when_unknown,
            ..PwnedPasswordsOptions::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breached_passwords_are_looked_up_in_production_unless_it_is_said() {
        let (development, production) = (Mode::Development, Mode::Production);
        for (mode, given, expected) in [
            (development, None, None),
            (production, None, Some(WhenUnknown::AllowPassword)),
            (production, Some(BreachCheck::Off), None),
            (
                development,
                Some(BreachCheck::FailOpen),
                Some(WhenUnknown::AllowPassword),
            ),
            (
                development,
                Some(BreachCheck::FailClosed),
                Some(WhenUnknown::Fail),
            ),
        ] {
            let passwords = Passwords {
                breach_check: given,
                ..Passwords::default()
            };
            let options = passwords.breach_check_options(mode);
            let when_unknown = options.map(|options| options.when_unknown);
            assert_eq!(when_unknown, expected, "{mode:?} {given:?}");
        }
    }
}
