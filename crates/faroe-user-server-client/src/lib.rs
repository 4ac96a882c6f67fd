#![doc = include_str!("../README.md")]

mod client;
mod invocation;
mod signed;

pub use faroe_http_client::{BearerToken, HttpOptions, NoProtection};
pub use faroe_http_signatures::{Signer, SigningKey};

pub use self::{
    client::{UserServerClient, http_options},
    signed::SignedRequests,
};
