#![doc = include_str!("../README.md")]

mod key;
mod message;
mod nonces;
mod signer;
mod verifier;

pub use self::{
    key::{InvalidKey, SigningKey, VerifyingKey},
    signer::{Signer, UnsignableRequest},
    verifier::{InvalidKeys, InvalidSignature, Verifier, VerifierOptions},
};
