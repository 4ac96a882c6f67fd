#![doc = include_str!("../README.md")]

mod host;
mod origin;
mod service_url;

pub use crate::{
    host::{is_this_machine, names_this_machine},
    origin::{InvalidOrigin, Origin},
    service_url::{InvalidServiceUrl, Parameter, ServiceUrl, holds_password},
};
