#![doc = include_str!("../README.md")]

mod argon2;
mod bcrypt;
mod cost;
mod firebase;
mod kind;
mod pbkdf2;
mod scrypt;
mod stored;
mod text;

use faroe_core::{
    error::AdapterError,
    password::{PasswordHash, PasswordHashVerifier, Verification},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use crate::{
    cost::Bounds,
    firebase::{FirebaseScrypt, InvalidFirebaseScrypt},
    kind::Kind,
};
use crate::{
    cost::Cost,
    stored::{Malformed, Stored},
    text::MAX_TEXT_SIZE,
};

/// The shortest hash that is compared, in bytes. A password hash of any shorter form is an accident.
const MIN_HASH_SIZE: usize = 10;

/// Verifies the hashes of one kind.
///
/// It recognizes a hash by the start of its text. Malformed hashes and hashes beyond the [`Bounds`] are never computed.
#[derive(Clone, Debug)]
pub struct Verifier {
    kind: Kind,
    firebase: Option<FirebaseScrypt>,
    bounds: Bounds,
}

impl Verifier {
    /// Creates a verifier with default bounds. With [`Kind::FirebaseScrypt`], it verifies only hashes that contain the
    /// signer key.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            firebase: None,
            bounds: Bounds::default(),
        }
    }

    /// Creates a verifier for the hashes of a Firebase project, with default bounds.
    pub fn firebase_scrypt(project: FirebaseScrypt) -> Self {
        Self {
            firebase: Some(project),
            ..Self::new(Kind::FirebaseScrypt)
        }
    }

    /// Changes the bounds.
    #[must_use]
    pub fn with_bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    fn malformed(&self, reason: &str) -> AdapterError {
        let kind = self.kind;
        AdapterError::message(format!(
            "verify a password: the {kind} hash is malformed: {reason}"
        ))
    }

    fn check_cost(&self, cost: &Cost) -> Result<(), AdapterError> {
        if self.bounds.allow(cost) {
            return Ok(());
        }
        let (kind, bounds) = (self.kind, self.bounds);
        Err(AdapterError::message(format!(
            "verify a password: the {kind} hash takes {cost}, above the bound of {bounds}; raise the bound or reset \
             the password"
        )))
    }

    fn read(&self, text: &str) -> Result<Stored, Malformed> {
        if text.len() > MAX_TEXT_SIZE {
            return Err(Malformed("the text is too long"));
        }
        let stored = match self.kind {
            Kind::Bcrypt => bcrypt::read(text),
            Kind::Argon2 => argon2::read(text),
            Kind::Scrypt => scrypt::read(text),
            Kind::Pbkdf2 => pbkdf2::read(text),
            Kind::FirebaseScrypt => firebase::read(text, self.firebase.as_ref()),
        }?;
        if stored.hash.len() < MIN_HASH_SIZE {
            return Err(Malformed("the hash is too short"));
        }
        Ok(stored)
    }
}

impl PasswordHashVerifier for Verifier {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn recognizes(&self, hash: &PasswordHash) -> bool {
        hash.as_text().and_then(Kind::of_text) == Some(self.kind)
    }

    fn check(&self, hash: &PasswordHash) -> Result<(), AdapterError> {
        match self.read(hash.as_text().unwrap_or_default()) {
            Ok(stored) => self.check_cost(&stored.cost),
            Err(Malformed(reason)) => Err(self.malformed(reason)),
        }
    }

    fn verify(&self, password: &[u8], hash: &PasswordHash) -> Result<Verification, AdapterError> {
        let kind = self.kind;
        let Stored {
            cost,
            compute,
            hash: expected,
        } = match self.read(hash.as_text().unwrap_or_default()) {
            Ok(stored) => stored,
            Err(Malformed(reason)) => {
                return Ok(Verification::Malformed(self.malformed(reason)));
            }
        };
        self.check_cost(&cost)?;
        let mut computed = Zeroizing::new(vec![0; expected.len()]);
        compute(password, &mut computed).map_err(|error| {
            AdapterError::new(format!("verify a password: compute the {kind} hash"), error)
        })?;
        Ok(if computed.as_slice().ct_eq(&expected).into() {
            Verification::Correct
        } else {
            Verification::Incorrect
        })
    }
}
