#![doc = include_str!("../README.md")]

mod actions;
mod protection;
mod server;

pub use faroe_http_signatures::{Verifier, VerifierOptions, VerifyingKey};

pub use self::{
    protection::{BearerTokens, InvalidBearerTokens, Protection},
    server::{UserServer, UserServerOptions},
};
