#![doc = include_str!("../README.md")]

mod actions;
mod auth;
mod cookies;
mod cross_site;
pub mod endpoint;
pub mod ip_rate_limit;
mod layer;
mod signed_in;
mod too_many_requests;
mod unavailable;

pub use faroe_address::{InvalidOrigin, Origin};
pub use faroe_client::Client;

pub use self::{
    auth::{Auth, AuthOptions},
    cookies::{Cookies, SetCookie},
    layer::AuthService,
    signed_in::{Rejection, SignedIn},
    too_many_requests::TooManyRequests,
    unavailable::Unavailable,
};
