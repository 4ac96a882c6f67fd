//! scrypt as RustCrypto, passlib, Werkzeug and Django write it.

use scrypt::Params;

use crate::{
    cost::Cost,
    stored::{Malformed, Stored},
    text::{base64, hexadecimal, number, parameters, parts, required},
};

/// The estimated time for a KiB of each lane, in nanoseconds.
const UNIT_NS: u64 = 3_000;

/// The costs of scrypt, within ranges in which nothing overflows.
#[derive(Clone, Copy)]
pub(crate) struct Costs {
    /// The binary logarithm of N.
    pub(crate) log_n: u32,
    pub(crate) r: u32,
    pub(crate) p: u32,
}

impl Costs {
    pub(crate) fn new(log_n: u32, r: u32, p: u32) -> Result<Self, Malformed> {
        let in_range = (1..=31).contains(&log_n) && r > 0 && p > 0 && r < 1 << 15 && p < 1 << 15;
        in_range
            .then_some(Self { log_n, r, p })
            .ok_or(Malformed("a cost is out of range"))
    }

    /// Reads N, which is a power of two.
    fn of_n(n: u32, r: u32, p: u32) -> Result<Self, Malformed> {
        if !n.is_power_of_two() {
            return Err(Malformed("a cost is not a power of two"));
        }
        Self::new(n.trailing_zeros(), r, p)
    }

    pub(crate) fn cost(self) -> Cost {
        let [n, r, p] = [1 << self.log_n, self.r, self.p].map(u64::from);
        let named = format!("N=2^{}, r={r}, p={p}", self.log_n);
        // A block has 128 bytes for each r.
        let memory_kib = (r * (n + p - 1)).div_ceil(8);
        let lanes_kib = (r * n * p).div_ceil(8);
        Cost::new(memory_kib, lanes_kib, UNIT_NS, named)
    }

    pub(crate) fn compute(self, password: &[u8], salt: &[u8], hash: &mut [u8]) {
        let log_n = u8::try_from(self.log_n).expect("it is at most 31");
        let params = Params::new(log_n, self.r, self.p).expect("the costs were checked");
        scrypt::scrypt(password, salt, &params, hash).expect("the length of the hash was checked");
    }
}

pub(crate) fn read(text: &str) -> Result<Stored, Malformed> {
    let (costs, salt, hash) = if let Some(rest) = text.strip_prefix("$scrypt$") {
        let [costs, salt, hash] = parts(rest)?;
        let [log_n, r, p] = parameters(costs, ["ln", "r", "p"])?;
        let costs = Costs::new(required(log_n)?, required(r)?, required(p)?)?;
        (costs, base64(salt)?, base64(hash)?)
    } else if let Some(rest) = text.strip_prefix("scrypt:") {
        let [costs, salt, hash] = parts(rest)?;
        let costs: Vec<_> = costs.split(':').collect();
        let [n, r, p] = costs
            .try_into()
            .map_err(|_| Malformed("it has too many or too few costs"))?;
        let costs = Costs::of_n(number(n)?, number(r)?, number(p)?)?;
        (costs, salt.as_bytes().to_vec(), hexadecimal(hash)?)
    } else {
        let [_, n, salt, r, p, hash] = parts(text)?;
        let costs = Costs::of_n(number(n)?, number(r)?, number(p)?)?;
        (costs, salt.as_bytes().to_vec(), base64(hash)?)
    };
    Ok(Stored {
        hash,
        cost: costs.cost(),
        compute: Box::new(move |password, hash| {
            costs.compute(password, &salt, hash);
            Ok(())
        }),
    })
}
