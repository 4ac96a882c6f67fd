//! A password hash algorithm that is fast, counted and controlled.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::{Condvar, Mutex, PoisonError},
};

use faroe_core::{error::AdapterError, password::PasswordHashAlgorithm};
use tokio::sync::watch;

use crate::locked;

/// A [`PasswordHashAlgorithm`] for tests: of no strength whatever, but deterministic, and different for every password,
/// salt and ID. Hashes have 32 bytes and do not contain the password.
#[derive(Debug)]
pub struct CountingHasher {
    id: String,
    behaviour: Mutex<HasherBehaviour>,
    counts: watch::Sender<Counts>,
    passes: Mutex<Passes>,
    passes_changed: Condvar,
}

/// The behaviour of a [`CountingHasher`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HasherBehaviour {
    /// It hashes it.
    #[default]
    Hash,
    /// It answers an error.
    Fail,
    /// It panics.
    Panic,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    begun: usize,
    waiting: usize,
}

/// The number of evaluations that may still pass the gate; any number while it is open.
#[derive(Debug)]
enum Passes {
    Open,
    Closed { left: usize },
}

impl CountingHasher {
    /// An algorithm with this ID.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            behaviour: Mutex::default(),
            counts: watch::Sender::default(),
            passes: Mutex::new(Passes::Open),
            passes_changed: Condvar::new(),
        }
    }

    /// Returns the number of evaluations that have begun, the failed ones and those that wait at the gate included.
    pub fn evaluations(&self) -> usize {
        self.counts.borrow().begun
    }

    /// Makes every evaluation from now on hash, fail or panic, after it has passed the gate.
    pub fn set_behaviour(&self, behaviour: HasherBehaviour) {
        *locked(&self.behaviour) = behaviour;
    }

    /// Closes the gate: evaluations wait on their thread until they are let through. Dropping the gate opens it again.
    pub fn close_gate(&self) -> Gate<'_> {
        *locked(&self.passes) = Passes::Closed { left: 0 };
        Gate(self)
    }

    fn wait_at_the_gate(&self) {
        self.counts.send_modify(|counts| {
            counts.begun += 1;
            counts.waiting += 1;
        });
        let shut = |passes: &mut Passes| matches!(passes, Passes::Closed { left: 0 });
        let passes = self.passes_changed.wait_while(locked(&self.passes), shut);
        if let Passes::Closed { left } = &mut *passes.unwrap_or_else(PoisonError::into_inner) {
            *left -= 1;
        }
        self.counts.send_modify(|counts| counts.waiting -= 1);
    }
}

impl PasswordHashAlgorithm for CountingHasher {
    fn id(&self) -> &str {
        &self.id
    }

    fn salt_size(&self) -> usize {
        16
    }

    fn hash(&self, password: &[u8], salt: &[u8]) -> Result<Vec<u8>, AdapterError> {
        self.wait_at_the_gate();
        let behaviour = *locked(&self.behaviour);
        match behaviour {
            HasherBehaviour::Hash => {}
            HasherBehaviour::Fail => {
                return Err(AdapterError::message("hash: the hasher was told to fail"));
            }
            HasherBehaviour::Panic => panic!("the hasher was told to panic"),
        }
        let quarter = |number: u64| {
            let mut hasher = DefaultHasher::new();
            (number, &self.id, password, salt).hash(&mut hasher);
            hasher.finish().to_le_bytes()
        };
        Ok((0..4).flat_map(quarter).collect())
    }
}

/// The closed gate of a [`CountingHasher`].
#[derive(Debug)]
pub struct Gate<'a>(&'a CountingHasher);

impl Gate<'_> {
    /// Returns the number of evaluations that wait here.
    pub fn waiting(&self) -> usize {
        self.0.counts.borrow().waiting
    }

    /// Returns as soon as at least this many evaluations wait here.
    pub async fn wait_for(&self, evaluations: usize) {
        let mut counts = self.0.counts.subscribe();
        let enough = counts.wait_for(|counts| counts.waiting >= evaluations);
        let _ = enough.await.expect("the hasher outlives its gate");
    }

    /// Lets this many evaluations through, in no particular order.
    pub fn let_through(&self, evaluations: usize) {
        if let Passes::Closed { left } = &mut *locked(&self.0.passes) {
            *left += evaluations;
        }
        self.0.passes_changed.notify_all();
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        *locked(&self.0.passes) = Passes::Open;
        self.0.passes_changed.notify_all();
    }
}
