//! Which new passwords are refused.

use clap::ValueEnum;
use faroe_pwned_passwords::{PwnedPasswordsOptions, WhenUnknown};
use serde::Deserialize;

use crate::{
    arguments::{Arguments, Mode, Url},
    error::StartError,
};

/// How new passwords are checked. Passwords that exist are not.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    /// Whether a password that is easy to guess is refused. That needs no network.
    pub(crate) strength_check: bool,
    /// How breached passwords are looked up, if they are.
    pub(crate) breach_check: Option<PwnedPasswordsOptions>,
}

/// Whether new passwords are looked up among breached ones, and what happens when nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum BreachCheck {
    /// They are not: nothing leaves the machine.
    Off,
    /// They are, and a password that could not be looked up is let pass.
    FailOpen,
    /// They are, and a password that could not be looked up is an internal error.
    FailClosed,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PasswordsSection {
    strength_check: Option<bool>,
    breach_check: Option<BreachCheck>,
    breach_check_url: Option<String>,
}

impl PasswordsSection {
    /// Development needs no network, so breached passwords are looked up in production only, unless it is said.
    pub(super) fn resolve(
        &self,
        arguments: &Arguments,
        mode: Mode,
    ) -> Result<Passwords, StartError> {
        let given = arguments.password_breach_check.or(self.breach_check);
        let breach_check = given.unwrap_or(match mode {
            Mode::Development => BreachCheck::Off,
            Mode::Production => BreachCheck::FailOpen,
        });
        let url = arguments.password_breach_check_url.as_ref();
        let url = url.map(Url::expose).or(self.breach_check_url.as_deref());
        let mut options = PwnedPasswordsOptions::default();
        if let Some(url) = url {
            options.base_url = url
                .parse()
                .map_err(|error| StartError::because("passwords.breach_check_url", &error))?;
        }
        let look_up = |when_unknown| {
            Some(PwnedPasswordsOptions {
                when_unknown,
                ..options
            })
        };
        Ok(Passwords {
            strength_check: arguments
                .password_strength_check
                .or(self.strength_check)
                .unwrap_or(true),
            breach_check: match breach_check {
                BreachCheck::Off => None,
                BreachCheck::FailOpen => look_up(WhenUnknown::AllowPassword),
                BreachCheck::FailClosed => look_up(WhenUnknown::Fail),
            },
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
            let section = PasswordsSection {
                breach_check: given,
                ..PasswordsSection::default()
            };
            let passwords = section.resolve(&Arguments::default(), mode).unwrap();
            assert!(passwords.strength_check);
            let when_unknown = passwords.breach_check.map(|options| options.when_unknown);
            assert_eq!(when_unknown, expected, "{mode:?} {given:?}");
        }
    }
}
