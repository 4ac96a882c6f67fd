#![doc = include_str!("../README.md")]

mod auth;
mod cookies;
mod cross_site;
pub mod endpoint;
mod layer;
mod signed_in;
mod unavailable;

pub use faroe_client::Client;

pub use self::{
    auth::{Auth, AuthOptions},
    cookies::{Cookies, SetCookie},
    cross_site::{InvalidOrigin, Origin},
    layer::AuthService,
    signed_in::{Rejection, SignedIn},
    unavailable::Unavailable,
};
