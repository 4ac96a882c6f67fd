//! PBKDF2 as Django, Werkzeug, passlib, RustCrypto and ASP.NET Core Identity write it.

use std::num::NonZeroU32;

use ring::pbkdf2::{
    Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512, derive,
};

use crate::{
    cost::Cost,
    stored::{Malformed, Stored},
    text::{adapted_base64, base64, hexadecimal, number, parameters, parts, required},
};

/// The estimated time for one iteration, in nanoseconds.
const UNIT_NS: u64 = 600;

/// The hash function in HMAC.
#[derive(Clone, Copy)]
struct Function {
    name: &'static str,
    algorithm: Algorithm,
    /// The length of its hashes, in bytes.
    size: usize,
}

const SHA1: Function = Function {
    name: "sha1",
    algorithm: PBKDF2_HMAC_SHA1,
    size: 20,
};
const SHA256: Function = Function {
    name: "sha256",
    algorithm: PBKDF2_HMAC_SHA256,
    size: 32,
};
const SHA384: Function = Function {
    name: "sha384",
    algorithm: PBKDF2_HMAC_SHA384,
    size: 48,
};
const SHA512: Function = Function {
    name: "sha512",
    algorithm: PBKDF2_HMAC_SHA512,
    size: 64,
};

fn function(name: &str) -> Result<Function, Malformed> {
    let mut functions = [SHA1, SHA256, SHA384, SHA512].into_iter();
    let function = functions.find(|function| function.name == name);
    function.ok_or(Malformed("its hash function is unknown"))
}

pub(crate) fn read(text: &str) -> Result<Stored, Malformed> {
    if let Some(rest) = text.strip_prefix("$pbkdf2") {
        let [name, costs, salt, hash] = parts(rest)?;
        let function = match name.strip_prefix('-') {
            Some(name) => function(name)?,
            None => SHA1,
        };
        let (salt, hash) = (adapted_base64(salt)?, adapted_base64(hash)?);
        let iterations = if costs.contains('=') {
            let [iterations, length] = parameters(costs, ["i", "l"])?;
            if length.is_some() && usize::try_from(required(length)?) != Ok(hash.len()) {
                return Err(Malformed("the hash has another length than it says"));
            }
            required(iterations)?
        } else {
            number(costs)?
        };
        stored(function, iterations, salt, hash)
    } else if let Some(rest) = text.strip_prefix("pbkdf2_") {
        let [name, iterations, salt, hash] = parts(rest)?;
        let salt = salt.as_bytes().to_vec();
        stored(function(name)?, number(iterations)?, salt, base64(hash)?)
    } else if let Some(rest) = text.strip_prefix("pbkdf2:") {
        let [costs, salt, hash] = parts(rest)?;
        let (name, iterations) = costs
            .split_once(':')
            .ok_or(Malformed("the number of iterations is missing"))?;
        let salt = salt.as_bytes().to_vec();
        stored(
            function(name)?,
            number(iterations)?,
            salt,
            hexadecimal(hash)?,
        )
    } else {
        of_asp_net(&base64(text)?)
    }
}

/// Checks whether the text is a hash of ASP.NET Core Identity: Base64 of bytes of which the first is the version.
pub(crate) fn is_asp_net(text: &str) -> bool {
    let is_version_3 = || text.len() >= 40 && text.starts_with("AQAAAA");
    let is_version_2 = || {
        text.len() == 68
            && base64(text).is_ok_and(|bytes| bytes.len() == 49 && bytes.starts_with(&[0]))
    };
    is_version_3() || is_version_2()
}

fn of_asp_net(bytes: &[u8]) -> Result<Stored, Malformed> {
    const TOO_SHORT: Malformed = Malformed("it is too short");
    let (version, rest) = bytes.split_first().ok_or(TOO_SHORT)?;
    let (function, iterations, salt_size, rest) = if *version == 0 {
        (SHA1, 1000, 16, rest)
    } else {
        let (numbers, rest) = rest.split_at_checked(12).ok_or(TOO_SHORT)?;
        let (numbers, _) = numbers.as_chunks::<4>();
        let [function, iterations, salt_size] = [0, 1, 2].map(|i| u32::from_be_bytes(numbers[i]));
        let function = match function {
            0 => SHA1,
            1 => SHA256,
            2 => SHA512,
            _ => return Err(Malformed("its hash function is unknown")),
        };
        (function, iterations, salt_size, rest)
    };
    let (salt, hash) = usize::try_from(salt_size)
        .ok()
        .and_then(|size| rest.split_at_checked(size))
        .ok_or(TOO_SHORT)?;
    stored(function, iterations, salt.to_vec(), hash.to_vec())
}

fn stored(
    function: Function,
    iterations: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
) -> Result<Stored, Malformed> {
    let iterations =
        NonZeroU32::new(iterations).ok_or(Malformed("the number of iterations is 0"))?;
    let blocks = hash.len().div_ceil(function.size) as u64;
    Ok(Stored {
        hash,
        cost: Cost::new(
            0,
            u64::from(iterations.get()) * blocks,
            UNIT_NS,
            format!("{iterations} iterations of {}", function.name),
        ),
        compute: Box::new(move |password, hash| {
            derive(function.algorithm, iterations, &salt, password, hash);
            Ok(())
        }),
    })
}
