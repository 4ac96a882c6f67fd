//! Users in a user server.

use std::sync::Arc;

use faroe_core::{
    error::AdapterError,
    user_store::{UserId, UserStore},
};
use faroe_user_server_client::{
    BearerToken, SignedRequests, Signer, SigningKey, UserServerClient, http_options,
};

use crate::configuration::{Certificates, Credentials};

const CREDENTIALS: &str = "use the credentials of the user server";

/// A user ID that no user has.
const NOBODY: &str = "start";

/// Returns a client of a user server that has answered a request.
pub(super) async fn open(
    url: &str,
    credentials: &Credentials,
    certificates: Option<&Certificates>,
) -> Result<UserServerClient, AdapterError> {
    let mut options = http_options();
    options.root_certificates = certificates.map(|certificates| certificates.pem().to_owned());
    options.protection = match credentials {
        Credentials::BearerTokens(tokens) => {
            let token = tokens.first().expect("there are credentials");
            Arc::new(BearerToken::new(token.expose())?)
        }
        Credentials::Keys(keys) => {
            let [(id, key)] = &keys[..] else {
                let reason =
                    "requests are signed with one key: name only that one in user_server.keys";
                return Err(AdapterError::new(CREDENTIALS, reason));
            };
            let key = SigningKey::parse(id, key.expose());
            let key = key.map_err(|error| AdapterError::new(CREDENTIALS, error))?;
            Arc::new(SignedRequests(Signer::new(key)))
        }
    };
    let client = UserServerClient::http(url, options)?;
    client.get_user(&UserId::from(NOBODY)).await?;
    Ok(client)
}
