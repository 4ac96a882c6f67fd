//! The bounded memory of a budget.

use std::{
    hash::{BuildHasher, RandomState},
    net::Ipv6Addr,
    sync::{Mutex, PoisonError},
};

use governor::{nanos::Nanos, state::StateStore};

/// The number of slots that an address can use.
const SLOTS_OF_A_SET: usize = 16;

/// A fixed number of slots in sets, each slot for one address. A hash with a secret key assigns each address to a set.
///
/// An address without a slot takes over the slot in its set with the least use, **together with that use**. A slot's time
/// only moves forward, so an address that lost its slot never finds a better one when it returns. No address gets more than
/// its own budget, and no further memory is needed to guarantee it.
///
/// The cost falls on newcomers while sixteen others in their set have used something: they start with the least of those
/// uses. It is next to nothing, unless tens of thousands of addresses attack at once.
pub(super) struct Slots {
    sets: Box<[Mutex<[Slot; SLOTS_OF_A_SET]>]>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Slot {
    network: Option<Ipv6Addr>,
    /// The time at which the bucket is full again.
    full_at: Nanos,
}

impl Slots {
    /// Allocates memory for this many addresses, rounded up to whole sets.
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
