//! Argon2 in PHC form, also with the prefix of Django.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use crate::{
    cost::Cost,
    stored::{ComputeError, Malformed, Stored},
    text::{base64, parameters, parts, required},
};

/// The estimated time for one pass over a KiB, in nanoseconds.
const UNIT_NS: u64 = 1_000;

const MIN_SALT_SIZE: usize = 8;

/// Reads `$argon2id$v=19$m=65536,t=3,p=1$SALT$HASH`, in which the version may be missing, with or without `argon2`
/// before it.
pub(crate) fn read(text: &str) -> Result<Stored, Malformed> {
    let text = text.strip_prefix("argon2$").map_or_else(
        || text.strip_prefix('$'),
        |django| Some(django.strip_prefix('$').unwrap_or(django)),
    );
    let text = text.ok_or(Malformed("it has another form"))?;
    let (name, rest) = text.split_once('$').unwrap_or_default();
    let algorithm = match name {
        "argon2i" => Algorithm::Argon2i,
        "argon2d" => Algorithm::Argon2d,
        "argon2id" => Algorithm::Argon2id,
        _ => return Err(Malformed("it has another form")),
    };
    let (version, rest) = match rest.strip_prefix("v=").and_then(|v| v.split_once('$')) {
        Some(("19", rest)) => (Version::V0x13, rest),
        Some(("16", rest)) => (Version::V0x10, rest),
        Some(_) => return Err(Malformed("it has an unknown version")),
        None => (Version::V0x10, rest),
    };
    let [costs, salt, hash] = parts(rest)?;
    let [memory_kib, iterations, parallelism] = parameters(costs, ["m", "t", "p"])?;
    let memory_kib = required(memory_kib)?;
    let iterations = required(iterations)?;
    let parallelism = required(parallelism)?;
    let (salt, hash) = (base64(salt)?, base64(hash)?);
    if salt.len() < MIN_SALT_SIZE {
        return Err(Malformed("the salt is too short"));
    }
    let params = Params::new(memory_kib, iterations, parallelism, Some(hash.len()))
        .map_err(|_| Malformed("a cost is out of range"))?;
    Ok(Stored {
        hash,
        cost: Cost::new(
            memory_kib.into(),
            u64::from(memory_kib) * u64::from(iterations),
            UNIT_NS,
            format!("m={memory_kib}, t={iterations}, p={parallelism}"),
        ),
        compute: Box::new(move |password, hash| {
            compute(
                &Argon2::new(algorithm, version, params),
                password,
                &salt,
                hash,
            )
        }),
    })
}

fn compute(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    hash: &mut [u8],
) -> Result<(), ComputeError> {
    let count = argon2.params().block_count();
    let mut memory = Vec::new();
    memory.try_reserve_exact(count)?;
    memory.resize(count, Block::new());
    let computed = argon2.hash_password_into_with_memory(password, salt, hash, &mut memory);
    memory.iter_mut().zeroize();
    Ok(computed?)
}
