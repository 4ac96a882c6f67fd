//! Slots against memory without a bound.

use std::time::Duration;

use governor::{
    Quota, RateLimiter, clock::FakeRelativeClock, middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use proptest::{collection::vec, prelude::*};

use super::*;

const CAPACITY: u32 = 3;
const INTERVAL: u64 = 10;

type Limiter<S> = RateLimiter<Ipv6Addr, S, FakeRelativeClock, NoOpMiddleware<Nanos>>;

fn limiter<S: StateStore<Key = Ipv6Addr>>(state: S, clock: &FakeRelativeClock) -> Limiter<S> {
    let quota = Quota::with_period(Duration::from_secs(INTERVAL)).unwrap();
    let quota = quota.allow_burst(CAPACITY.try_into().unwrap());
    RateLimiter::new(quota, state, clock.clone())
}

fn network(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, number, 0, 0, 0, 0)
}

/// Seconds that pass, and the address that tries then.
fn attempts(networks: u16) -> impl Strategy<Value = Vec<(u64, u16)>> {
    let seconds = prop_oneof![19 => Just(0), 1 => 0..INTERVAL];
    vec((seconds, 0..networks), 0..1000)
}

proptest! {
    /// As many addresses as there are slots are distinguished exactly.
    #[test]
    fn an_address_with_a_slot_has_its_own_budget(attempts in attempts(SLOTS_OF_A_SET as u16)) {
        let clock = FakeRelativeClock::default();
        let bounded = limiter(Slots::new(SLOTS_OF_A_SET), &clock);
        let unbounded = limiter(HashMapStateStore::<Ipv6Addr>::default(), &clock);
        for (seconds, number) in attempts {
            clock.advance(Duration::from_secs(seconds));
            let key = network(number);
            prop_assert_eq!(bounded.check_key(&key), unbounded.check_key(&key));
        }
    }

    /// Any number of other addresses, in any order, give no address more than one budget, and all together no more than the slots.
    #[test]
    fn no_address_gets_more_than_its_own_budget(
        attempts in attempts(60),
        slots in 1..40_usize,
    ) {
        let clock = FakeRelativeClock::default();
        let bounded = limiter(Slots::new(slots), &clock);
        let unbounded = limiter(HashMapStateStore::<Ipv6Addr>::default(), &clock);
        let (mut elapsed, mut passed) = (0, 0);
        for (seconds, number) in attempts {
            clock.advance(Duration::from_secs(seconds));
            elapsed += seconds;
            let key = network(number);
            if bounded.check_key(&key).is_ok() {
                passed += 1;
                prop_assert_eq!(unbounded.check_key(&key), Ok(()));
            }
        }
        let slots = slots.next_multiple_of(SLOTS_OF_A_SET) as u64;
        prop_assert!(passed <= slots * (u64::from(CAPACITY) + elapsed / INTERVAL));
    }
}

/// The attack that the slots are made against: use up a budget, be pushed out by others, come back.
#[test]
fn a_flood_of_other_addresses_resets_no_budget() {
    let clock = FakeRelativeClock::default();
    let slots = 4 * SLOTS_OF_A_SET;
    let limiter = limiter(Slots::new(slots), &clock);
    let mut passed = [0; 1000];
    for _ in 0..10 {
        for (number, passed) in (0..).zip(&mut passed) {
            *passed += u32::from(limiter.check_key(&network(number)).is_ok());
        }
    }
    assert!(passed.iter().all(|passed| *passed <= CAPACITY));
    assert_eq!(passed.iter().sum::<u32>(), slots as u32 * CAPACITY);
}
