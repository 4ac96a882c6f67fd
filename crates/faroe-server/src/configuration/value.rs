//! Values that are more than a number or a text.

use std::{fs, path::PathBuf};

use clap::ValueEnum;
use faroe_address::Origin;
use serde::Deserialize;

use super::setting::{Setting, enumeration, setting};

/// The purpose that the server is started for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// For one developer: emails are shown instead of sent, and only this machine can connect.
    #[default]
    Development,
    /// For users: emails are sent.
    Production,
}

enumeration!(Mode);

/// The comparison of email addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EmailAddressCase {
    /// Byte by byte.
    Exact,
    /// Without the case of ASCII letters.
    Ignore,
}

enumeration!(EmailAddressCase);

impl From<EmailAddressCase> for faroe_core::EmailAddressCase {
    fn from(case: EmailAddressCase) -> Self {
        match case {
            EmailAddressCase::Exact => Self::Exact,
            EmailAddressCase::Ignore => Self::Ignore,
        }
    }
}

/// The certificates in a PEM file, which is read together with the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "PathBuf")]
pub(crate) struct Certificates(String);

impl Certificates {
    /// Returns the content of the file.
    pub(crate) fn pem(&self) -> &str {
        &self.0
    }
}

impl TryFrom<PathBuf> for Certificates {
    type Error = String;

    fn try_from(path: PathBuf) -> Result<Self, Self::Error> {
        let pem = fs::read_to_string(&path);
        pem.map(Self)
            .map_err(|error| format!("read {}: {error}", path.display()))
    }
}

setting! {
    Certificates: "path of a PEM file",
    Origin: "origin",
}
