//! Secrets, each in a file or an environment variable of its own.

use std::{env, fmt, fs, path::PathBuf};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use zeroize::Zeroizing;

use super::{key::Shape, setting::Setting};
use crate::error::StartError;

/// A secret. `Debug` does not show it, and it is wiped when dropped.
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

/// The place of a secret: `{ file = "PATH" }` or `{ environment = "NAME" }`.
#[derive(Clone, Debug)]
pub(crate) enum SecretPlace {
    File(PathBuf),
    Environment(String),
}

const EXPECTED: &str = "{ file = \"PATH\" } or { environment = \"NAME\" }: a secret does not stand in the \
    configuration itself";

impl Setting for SecretPlace {
    const SHAPE: Shape = Shape::Secret;

    fn kind() -> String {
        "secret".to_owned()
    }
}

impl<'de> Deserialize<'de> for SecretPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlaceVisitor;

        impl<'de> Visitor<'de> for PlaceVisitor {
            type Value = SecretPlace;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretPlace, A::Error> {
                let refused = || A::Error::custom(format_args!("expected {EXPECTED}"));
                let key: String = map.next_key()?.ok_or_else(refused)?;
                let place = match key.as_str() {
                    "file" => SecretPlace::File(map.next_value()?),
                    "environment" => SecretPlace::Environment(map.next_value()?),
                    _ => return Err(refused()),
                };
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(place),
                    Some(_) => Err(refused()),
                }
            }
        }

        deserializer.deserialize_map(PlaceVisitor)
    }
}

impl SecretPlace {
    /// Reads the secret for this key, without white space at its end.
    pub(crate) fn read(&self, key: &str) -> Result<Secret, StartError> {
        self.find()
            .map_err(|reason| StartError::new(format!("{key}: {reason}")))
    }

    /// Reads the secret, without white space at its end. Returns the reason if that fails.
    pub(super) fn find(&self) -> Result<Secret, StartError> {
        let (place, text) = match self {
            Self::Environment(name) => {
                let place = format!("the environment variable {name}");
                let text = env::var(name).map_err(|error| {
                    // The error of a variable that is no Unicode quotes it.
                    let reason = match error {
                        env::VarError::NotPresent => "is not set",
                        env::VarError::NotUnicode(_) => "is not a text in UTF-8",
                    };
                    StartError::new(format!("{place} {reason}"))
                })?;
                (place, Zeroizing::new(text))
            }
            Self::File(path) => {
                let place = path.display().to_string();
                let failed =
                    |error: std::io::Error| StartError::because(format!("read {place}"), &error);
                if everyone_can_read(&fs::metadata(path).map_err(failed)?) {
                    return Err(StartError::new(format!(
                        "every user of this machine can read {place}; chmod 600 {place}"
                    )));
                }
                let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
                (place, text)
            }
        };
        let secret = text.trim_end();
        if secret.is_empty() {
            return Err(StartError::new(format!("{place} is empty")));
        }
        Ok(Secret(Zeroizing::new(secret.to_owned())))
    }
}

/// Checks whether every user of this machine can read a file.
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
    use crate::configuration::{deserializer, file};

    fn refusal(text: &str) -> String {
        #[derive(Debug, Deserialize)]
        struct File {
            #[expect(dead_code, reason = "it is refused")]
            password: SecretPlace,
        }
        let file = file::parse(text, &"faroe.toml".into()).unwrap();
        deserializer::read::<File>(&file).unwrap_err().to_string()
    }

    #[test]
    fn a_secret_in_the_configuration_is_refused_without_an_echo() {
        for text in [
            "password = \"canary\"",
            "password = { canary = \"canary\" }",
            "password = { file = \"a\", environment = \"canary\" }",
            "password = [\"canary\"]",
            "password = {}",
            "password = 123",
        ] {
            let message = refusal(text);
            let expected = "faroe.toml, line 1: password: expected { file";
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains("canary"), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_everyone_can_read_is_refused_and_white_space_at_the_end_is_not_the_secret() {
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
            assert_eq!(read(" ca nary \t\r\n", mode).unwrap().expose(), " ca nary");
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
