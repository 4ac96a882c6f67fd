//! How a user server and whoever asks it know each other.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use serde::Deserialize;

use super::secret::{Secret, SecretPlace};
use crate::error::StartError;

/// Holds a bearer token if the file names neither tokens nor keys.
const BEARER_TOKEN: &str = "FAROE_USER_SERVER_BEARER_TOKEN";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UserServerSection {
    bearer_tokens: Vec<SecretPlace>,
    keys: BTreeMap<String, SecretPlace>,
    root_certificates: Option<PathBuf>,
}

/// What both halves know.
#[derive(Clone, Debug)]
pub(crate) struct UserServer {
    pub(crate) credentials: Credentials,
    /// The only certificate authorities to trust, in PEM.
    pub(crate) root_certificates: Option<String>,
}

/// Whoever asks uses the first; whoever answers accepts all.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    BearerTokens(Vec<Secret>),
    /// IDs and keys.
    Keys(Vec<(String, Secret)>),
}

impl UserServerSection {
    /// Reads the secrets. `None` if there are none.
    pub(super) fn read(self) -> Result<Option<UserServer>, StartError> {
        let Some(credentials) = read_credentials(self.bearer_tokens, self.keys)? else {
            return Ok(None);
        };
        let root_certificates = self.root_certificates.map(|path| {
            fs::read_to_string(&path).map_err(|error| {
                let place = path.display();
                let what = format!("user_server.root_certificates: could not read {place}");
                StartError::because(what, &error)
            })
        });
        Ok(Some(UserServer {
            credentials,
            root_certificates: root_certificates.transpose()?,
        }))
    }
}

fn read_credentials(
    mut tokens: Vec<SecretPlace>,
    keys: BTreeMap<String, SecretPlace>,
) -> Result<Option<Credentials>, StartError> {
    if tokens.is_empty() && keys.is_empty() && env::var_os(BEARER_TOKEN).is_some() {
        tokens.push(SecretPlace::Environment(BEARER_TOKEN.to_owned()));
    }
    if keys.is_empty() {
        let tokens = tokens
            .iter()
            .map(|place| place.read("user_server.bearer_tokens"));
        let tokens: Vec<_> = tokens.collect::<Result<_, _>>()?;
        return Ok((!tokens.is_empty()).then_some(Credentials::BearerTokens(tokens)));
    }
    if !tokens.is_empty() {
        return Err(StartError::new(
            "user_server.bearer_tokens and user_server.keys: requests have the one or the other",
        ));
    }
    let keys = keys.into_iter().map(|(id, place)| {
        let key = place.read(&format!("user_server.keys.{id}"))?;
        Ok((id, key))
    });
    Ok(Some(Credentials::Keys(keys.collect::<Result<_, _>>()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> UserServerSection {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn tokens_and_keys_come_from_files_that_only_we_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "canary\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let place = format!("{{ file = {:?} }}", file.display().to_string());

        let tokens = format!("bearer_tokens = [{place}, {place}]");
        let read = section(&tokens).read().unwrap().unwrap();
        assert!(!format!("{read:?}").contains("canary"));
        let Credentials::BearerTokens(tokens) = read.credentials else {
            panic!("these are tokens");
        };
        assert_eq!([tokens[0].expose(), tokens[1].expose()], ["canary"; 2]);

        let keys = format!("keys.old = {place}\nkeys.2026 = {place}");
        let Credentials::Keys(keys) = section(&keys).read().unwrap().unwrap().credentials else {
            panic!("these are keys");
        };
        let ids: Vec<_> = keys.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["2026", "old"]);

        let both = format!("bearer_tokens = [{place}]\nkeys.a = {place}");
        let error = section(&both).read().unwrap_err().to_string();
        assert!(error.contains("the one or the other"), "{error}");
        let missing = "keys.a = { file = \"no/such/file\" }";
        let error = section(missing).read().unwrap_err().to_string();
        assert!(
            error.starts_with("user_server.keys.a: could not read"),
            "{error}"
        );
    }
}
