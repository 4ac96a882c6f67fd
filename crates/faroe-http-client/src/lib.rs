#![doc = include_str!("../README.md")]

mod client;
mod options;
mod protection;

pub use self::{
    client::{HttpClient, UnexpectedStatus},
    options::HttpOptions,
    protection::{BearerToken, NoProtection, RequestProtection},
};
