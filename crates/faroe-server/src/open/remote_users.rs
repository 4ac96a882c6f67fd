//! Users in a user server.

use std::sync::Arc;

use faroe_core::error::AdapterError;
use faroe_user_server_client::{
    BearerToken, NoProtection, SignedRequests, Signer, SigningKey, UserServerClient, http_options,
};

use crate::configuration::{Credentials, Settings};

const CREDENTIALS: &str = "use the credentials of the user server";

/// Returns a client of a user server. Nothing is sent yet. Without credentials, requests carry none.
pub(super) fn client(
    url: &str,
    credentials: Option<&Credentials>,
    settings: &Settings,
) -> Result<UserServerClient, AdapterError> {
    let mut options = http_options();
    options.timeout = settings.timeouts.user_store;
    options.connect_timeout = settings.timeouts.user_store;
    options.allow_plain_http = settings.user_server.allow_plain_http;
    let certificates = settings.user_server.root_certificates.as_ref();
    options.root_certificates = certificates.map(|certificates| certificates.pem().to_owned());
    options.protection = match credentials {
        None => Arc::new(NoProtection),
        Some(Credentials::BearerTokens(tokens)) => {
            let token = tokens.first().expect("there are credentials");
            Arc::new(BearerToken::new(token.expose())?)
        }
        Some(Credentials::Keys(keys)) => {
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
    Ok(client.with_email_address_case(settings.email_address_case.into()))
}
