#![doc = include_str!("../README.md")]

pub mod background;
mod begun_flows;
mod configuration;
pub mod email;
mod email_budgets;
pub mod endpoint;
mod fault;
mod flow;
mod hashing;
mod invocation;
pub mod log;
mod parts;
pub mod password;
pub mod random;
mod rate_limit;
mod record;
mod server;
mod session;
mod signin;
mod signup;
pub mod storage;
pub mod time;
mod user;
mod user_deletion;
mod user_email_address_update;
mod user_password_reset;
mod user_password_update;
pub mod user_store;
mod validation;
mod verification_code;

pub use configuration::{
    ConfigurationError, Hashing, RateLimit, RateLimits, ServerOptions, ServerParts,
    SessionConfiguration, Storages, Timeouts, UserPasswordHashAlgorithms,
};
pub use faroe_protocol as protocol;
pub use faroe_protocol::{client, error};
pub use server::{InvocationError, InvocationErrorKind, Server, ServerAction};
pub use user_store::EmailAddressCase;
