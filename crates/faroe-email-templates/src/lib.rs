#![doc = include_str!("../README.md")]

mod built_in;
mod fields;
mod rendered;
mod templates;
mod words;

pub use fields::EmailFields;
pub use rendered::{EmailRenderer, RenderedEmail};
pub use templates::{EmailTemplates, EmailTemplatesError, EmailTemplatesOptions};
