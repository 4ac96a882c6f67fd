//! The parts of texts: numbers, parameters, Base64 and hexadecimal digits.

use base64::{
    Engine, alphabet,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};

use crate::stored::Malformed;

/// The longest text that is read, in bytes.
pub(crate) const MAX_TEXT_SIZE: usize = 1024;

/// Padding may be missing, and unused bits of the last character may be set: other software wrote it.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);

/// Reads Base64.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, Malformed> {
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| Malformed("salt or hash is not in Base64"))
}

/// Reads Base64 in which passlib has written `.` instead of `+`.
pub(crate) fn adapted_base64(text: &str) -> Result<Vec<u8>, Malformed> {
    base64(&text.replace('.', "+"))
}

/// Reads the Base64 of bcrypt.
pub(crate) fn bcrypt_base64<const N: usize>(text: &str) -> Result<[u8; N], Malformed> {
    let decoded = BCRYPT.decode(text).ok();
    let bytes = decoded.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(Malformed("salt or hash is not in the Base64 of bcrypt"))
}

/// Reads pairs of hexadecimal digits.
pub(crate) fn hexadecimal(text: &str) -> Result<Vec<u8>, Malformed> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(high)? * 16 + digit(low)?).ok();
    let bytes = pairs.iter().map(byte).collect();
    let bytes: Option<Vec<u8>> = if rest.is_empty() { bytes } else { None };
    bytes.ok_or(Malformed("the hash is not in hexadecimal digits"))
}

/// Reads a number of decimal digits.
pub(crate) fn number(text: &str) -> Result<u32, Malformed> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_digits { text.parse().ok() } else { None };
    number.ok_or(Malformed("a cost is not a number"))
}

/// Splits a text at each `$` into exactly so many parts.
pub(crate) fn parts<const N: usize>(text: &str) -> Result<[&str; N], Malformed> {
    let parts: Vec<_> = text.split('$').take(N + 1).collect();
    let parts = parts.try_into();
    parts.map_err(|_| Malformed("it has too many or too few parts"))
}

/// Reads parameters, `name=value,name=value`, of which each name occurs at most once.
pub(crate) fn parameters<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Result<[Option<&'a str>; N], Malformed> {
    let mut values = [None; N];
    for parameter in text.split(',') {
        let position = parameter.split_once('=').and_then(|(name, value)| {
            let position = names.iter().position(|known| *known == name)?;
            Some((position, value))
        });
        match position {
            Some((position, value)) if values[position].is_none() => values[position] = Some(value),
            _ => return Err(Malformed("a parameter is unknown or occurs twice")),
        }
    }
    Ok(values)
}

/// Reads the number of a parameter that must not be missing.
pub(crate) fn required(value: Option<&str>) -> Result<u32, Malformed> {
    number(value.ok_or(Malformed("a cost is missing"))?)
}
