//! The bounded memory of a budget.

use std::{
    hash::{BuildHasher, RandomState},
    net::Ipv6Addr,
    sync::{Mutex, PoisonError},
};

use governor::{nanos::Nanos, state::StateStore};

/// How many slots an address has to choose from.
const SLOTS_OF_A_SET: usize = 16;

/// A fixed number of slots, each for one address. They are in sets, and a hash that nobody outside can compute says which
/// set is an address's own.
///
/// An address that has no slot takes over the one in its set that has used the least, **with what that has used**. A slot
/// only ever moves on in time, so whoever comes back after he has lost one finds none that is better than his was. Nobody
/// gets more than his own budget, whatever others do, and no memory is needed for it.
///
/// Newcomers pay for it while sixteen others in their set have used something: they start with as much used as the most
/// moderate of those. That is next to nothing, unless tens of thousands of addresses attack at once.
pub(super) struct Slots {
    sets: Box<[Mutex<[Slot; SLOTS_OF_A_SET]>]>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Slot {
    network: Option<Ipv6Addr>,
    /// When all that was used will have come back.
    full_at: Nanos,
}

impl Slots {
    /// Memory for this many addresses, rounded up to whole sets.
    pub(super) fn new(addresses: usize) -> Self {
        let unused = Slot {
            network: None,
            full_at: Nanos::new(0),
        };
        let sets = addresses.div_ceil(SLOTS_OF_A_SET).max(1);
        let set = || Mutex::new([unused; SLOTS_OF_A_SET]);
        Self {
            sets: std::iter::repeat_with(set).take(sets).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl StateStore for Slots {
    type Key = Ipv6Addr;

    fn measure_and_replace<T, F, E>(&self, network: &Ipv6Addr, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let hash = self.hasher.hash_one(network);
        let set = &self.sets[(hash % self.sets.len() as u64) as usize];
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let own = set.iter().position(|slot| slot.network == Some(*network));
        let slot = match own {
            Some(own) => &mut set[own],
            None => set
                .iter_mut()
                .min_by_key(|slot| slot.full_at)
                .expect("a set is not empty"),
        };
        let (outcome, full_at) = decide(Some(slot.full_at))?;
        *slot = Slot {
            network: Some(*network),
            full_at,
        };
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests;
