//! The section `user_server`.

use std::{collections::BTreeMap, env};

use super::{
    secret::{Secret, SecretPlace},
    section::section,
    value::Certificates,
};
use crate::error::StartError;

/// Holds a bearer token, for a configuration without any tokens and keys.
const BEARER_TOKEN: &str = "FAROE_USER_SERVER_BEARER_TOKEN";

section! {
    /// Credentials of a user server and of the servers that ask it.
    UserServer {
        /// Tokens of 32 characters or more: requests carry the first, and each is accepted.
        #[variable = BEARER_TOKEN]
        #[otherwise = "the token in `FAROE_USER_SERVER_BEARER_TOKEN`"]
        bearer_tokens: Vec<SecretPlace> = [],
        /// Keys that sign requests, by ID, in place of tokens.
        keys: BTreeMap<String, SecretPlace>,
        /// Certificate authorities, or the server's own certificate, to trust instead of the authorities that browsers trust.
        root_certificates: Option<Certificates>,
        /// Allows `http://` to other machines, in a private network: password hashes and tokens can be read on the way.
        allow_plain_http: bool = false,
    }
}

/// The credentials of requests to a user server. They are made with the first and accepted with each.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    BearerTokens(Vec<Secret>),
    /// IDs and keys.
    Keys(Vec<(String, Secret)>),
}

impl UserServer {
    /// Reads the secrets. `None` if there are none.
    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, StartError> {
        match (&self.bearer_tokens[..], self.keys.is_empty()) {
            ([], true) if env::var_os(BEARER_TOKEN).is_some() => {
                read_tokens(&[SecretPlace::Environment(BEARER_TOKEN.to_owned())]).map(Some)
            }
            ([], true) => Ok(None),
            (tokens, true) => read_tokens(tokens).map(Some),
            ([], false) => self.read_keys().map(Some),
            (_, false) => Err(StartError::new(
                "user_server.bearer_tokens and user_server.keys: requests carry one or the other; remove one of them",
            )),
        }
    }

    fn read_keys(&self) -> Result<Credentials, StartError> {
        let keys = self.keys.iter().map(|(id, place)| {
            let key = place.read(&format!("user_server.keys.{id}"))?;
            Ok((id.clone(), key))
        });
        Ok(Credentials::Keys(keys.collect::<Result<_, _>>()?))
    }
}

fn read_tokens(places: &[SecretPlace]) -> Result<Credentials, StartError> {
    let tokens = places
        .iter()
        .map(|place| place.read("user_server.bearer_tokens"));
    Ok(Credentials::BearerTokens(tokens.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::configuration::{deserializer, file, layer::Node, setting::Setting};

    fn section(text: &str) -> UserServer {
        let mut section = Node::defaults(UserServer::SHAPE);
        let file = file::parse(text, &"faroe.toml".into()).unwrap();
        section.merge(file, UserServer::SHAPE);
        deserializer::read(&section).unwrap()
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
        let read = section(&tokens).credentials().unwrap().unwrap();
        assert!(!format!("{read:?}").contains("canary"));
        let Credentials::BearerTokens(tokens) = read else {
            panic!("these are tokens");
        };
        assert_eq!([tokens[0].expose(), tokens[1].expose()], ["canary"; 2]);

        let keys = format!("keys.old = {place}\nkeys.2026 = {place}");
        let Credentials::Keys(keys) = section(&keys).credentials().unwrap().unwrap() else {
            panic!("these are keys");
        };
        let ids: Vec<_> = keys.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["2026", "old"]);

        let both = format!("bearer_tokens = [{place}]\nkeys.a = {place}");
        let error = section(&both).credentials().unwrap_err().to_string();
        assert!(error.contains("one or the other"), "{error}");
        let missing = "keys.a = { file = \"no/such/file\" }";
        let error = section(missing).credentials().unwrap_err().to_string();
        assert!(error.starts_with("user_server.keys.a: read"), "{error}");
    }
}
