//! Email address verification codes, which are derived instead of stored.

use faroe_protocol::{secret::EmailAddressVerificationCode, types::Bytes};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    random,
    record::{Held, Record},
};

/// The half of a code's input that the record stores. The other half is the token's secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CodeNonce(Bytes);

impl CodeNonce {
    pub(crate) fn random() -> Self {
        Self(Bytes::from(random::bytes::<32>().to_vec()))
    }

    /// Returns the code of the record with this nonce. It is the same each time.
    pub(crate) fn code<R: Record>(&self, held: &Held<R>) -> EmailAddressVerificationCode {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        // Name, ID and secret contain no dot.
        mac.update(format!("{}.{}.{}", R::NAME, held.id, *held.secret).as_bytes());
        let bytes = mac.finalize().into_bytes();
        let bytes = bytes.first_chunk().expect("SHA-256 has 32 bytes");
        EmailAddressVerificationCode::from(random::code(*bytes))
    }

    /// Checks a code in constant time.
    pub(crate) fn is_code<R: Record>(
        &self,
        held: &Held<R>,
        code: &EmailAddressVerificationCode,
    ) -> bool {
        self.code(held).ct_eq(code).into()
    }
}
