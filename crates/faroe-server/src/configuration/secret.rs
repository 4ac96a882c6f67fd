//! Secrets, which stand in files and environment variables of their own.

use std::{env, fmt, fs, path::PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::StartError;

/// A secret. It is not shown, and wiped when dropped.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Where a secret is: `{ file = "PATH" }` or `{ environment = "NAME" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(crate) enum SecretPlace {
    File(PathBuf),
    Environment(String),
}

/// Not derived: the error would show what was there instead, which may be the secret.
impl TryFrom<toml::Value> for SecretPlace {
    type Error = &'static str;

    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        let table = value.as_table().filter(|table| table.len() == 1);
        let text = |key: &str| table?.get(key)?.as_str();
        if let Some(path) = text("file") {
            Ok(Self::File(path.into()))
        } else if let Some(name) = text("environment") {
            Ok(Self::Environment(name.to_owned()))
        } else {
            Err(
                "expected { file = \"PATH\" } or { environment = \"NAME\" }: a secret does not stand in the \
                 configuration itself",
            )
        }
    }
}

impl SecretPlace {
    /// Reads the secret for this key. Line breaks at its end do not belong to it.
    pub(crate) fn read(&self, key: &str) -> Result<Secret, StartError> {
        let (place, text) = match self {
            Self::Environment(name) => {
                let place = format!("the environment variable {name}");
                let text = env::var(name).map_err(|error| {
                    // The error of a variable that is no Unicode quotes it.
                    let reason = match error {
                        env::VarError::NotPresent => "is not set",
                        env::VarError::NotUnicode(_) => "is no text",
                    };
                    StartError::new(format!("{key}: {place} {reason}"))
                })?;
                (place, Zeroizing::new(text))
            }
            Self::File(path) => {
                let place = path.display().to_string();
                let failed = |error: std::io::Error| {
                    StartError::because(format!("{key}: could not read {place}"), &error)
                };
                if everyone_can_read(&fs::metadata(path).map_err(failed)?) {
                    return Err(StartError::new(format!(
                        "{key}: every user of this machine can read {place}: chmod 600 {place}"
                    )));
                }
                let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
                (place, text)
            }
        };
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(StartError::new(format!("{key}: {place} is empty")));
        }
        Ok(Secret(Zeroizing::new(secret.to_owned())))
    }
}

/// Whether every user of this machine can read a file.
#[cfg(unix)]
pub(super) fn everyone_can_read(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const READ_BY_OTHERS: u32 = 0o004;
    metadata.permissions().mode() & READ_BY_OTHERS != 0
}

#[cfg(not(unix))]
pub(super) fn everyone_can_read(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<SecretPlace, toml::de::Error> {
        #[derive(Deserialize)]
        struct File {
            password: SecretPlace,
        }
        toml::from_str(text).map(|file: File| file.password)
    }

    #[test]
    fn a_secret_in_the_configuration_is_refused_without_an_echo() {
        for text in [
            "password = \"canary\"",
            "password = { canary = \"canary\" }",
            "password = { file = 1 }",
            "password = { file = \"a\", environment = \"canary\" }",
            "password = [\"canary\"]",
        ] {
            let message = place(text).unwrap_err().message().to_owned();
            assert!(message.starts_with("expected { file"), "{message}");
            assert!(!message.contains("canary"), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_everyone_can_read_is_refused_and_line_breaks_are_not_the_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let read = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            SecretPlace::File(path.clone()).read("email.password")
        };
        let error = read("canary", 0o644).unwrap_err().to_string();
        assert!(error.starts_with("email.password: every user of this machine can read"));
        assert!(!error.contains("canary"));
        for mode in [0o600, 0o640, 0o400] {
            assert_eq!(read(" canary \r\n", mode).unwrap().expose(), " canary ");
        }
        assert!(
            read("\n", 0o600)
                .unwrap_err()
                .to_string()
                .contains("is empty")
        );
        let missing = SecretPlace::File("no/such/file".into()).read("email.password");
        assert!(missing.unwrap_err().to_string().contains("no/such/file"));
        let missing = SecretPlace::Environment("FAROE_NO_SUCH".into()).read("email.password");
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .contains("FAROE_NO_SUCH is not set")
        );
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret(Zeroizing::new("canary".to_owned()));
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
