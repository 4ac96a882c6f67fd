//! Password hashing: bounded, on blocking threads, and only while a caller waits.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use faroe_protocol::types::Bytes;
use subtle::ConstantTimeEq;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
use zeroize::Zeroizing;

use crate::{
    configuration::{Hashing, UserPasswordHashAlgorithms},
    error::AdapterError,
    fault::Fault,
    password::{PasswordHash, PasswordHashAlgorithm},
    random,
};

type Algorithm = Arc<dyn PasswordHashAlgorithm>;

/// Computes all password hashes of a server.
#[derive(Debug)]
pub(crate) struct Hasher {
    user_algorithms: UserPasswordHashAlgorithms,
    temporary_algorithm: Algorithm,
    /// One permit for each hash that may be computed or queued.
    places: Arc<Semaphore>,
    /// One permit for each hash that may be computed at once.
    permits: Arc<Semaphore>,
    /// One permit for each new password that may be checked at once, as many as places. A check takes no place, so
    /// that passwords that will not be hashed keep none from being verified.
    checks: Arc<Semaphore>,
    busy_flows: Arc<BusyFlows>,
}

/// A place in the hashing queue. An action takes one before it consumes anything, so an overloaded server rejects the
/// action without changing anything.
#[derive(Clone, Debug)]
pub(crate) struct HashingPlace {
    _held: Arc<(OwnedSemaphorePermit, Option<BusyFlow>)>,
}

/// The check of a flow's new password, until it is dropped.
#[derive(Debug)]
pub(crate) struct PasswordCheck {
    flow: BusyFlow,
    _permit: OwnedSemaphorePermit,
}

/// The IDs of the flows whose new password is being checked, hashed or stored: no more than there are permits for
/// checks and places.
#[derive(Debug, Default)]
struct BusyFlows(Mutex<HashSet<String>>);

impl BusyFlows {
    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one flow in [`BusyFlows`], until it is dropped.
#[derive(Debug)]
struct BusyFlow {
    id: String,
    flows: Arc<BusyFlows>,
}

impl Drop for BusyFlow {
    fn drop(&mut self) {
        self.flows.ids().remove(&self.id);
    }
}

impl Hasher {
    pub(crate) fn new(
        user_algorithms: UserPasswordHashAlgorithms,
        temporary_algorithm: Algorithm,
        hashing: Hashing,
    ) -> Self {
        let places = hashing
            .permits
            .saturating_add(hashing.queue)
            .min(Semaphore::MAX_PERMITS);
        Self {
            user_algorithms,
            temporary_algorithm,
            places: Arc::new(Semaphore::new(places)),
            permits: Arc::new(Semaphore::new(hashing.permits.min(Semaphore::MAX_PERMITS))),
            checks: Arc::new(Semaphore::new(places)),
            busy_flows: Arc::default(),
        }
    }

    /// Takes a place, or fails with [`Fault::Overloaded`] if the queue is full.
    pub(crate) fn place(&self) -> Result<HashingPlace, Fault> {
        self.place_for(None)
    }

    /// Begins to check the new password of the flow with this record ID. Fails with [`Fault::Overloaded`] if as many
    /// are being checked as may be, and with [`Fault::Conflict`] if another password of the flow is being checked,
    /// hashed or stored.
    pub(crate) fn check(&self, flow_id: &str) -> Result<PasswordCheck, Fault> {
        let permit = try_acquire(&self.checks)?;
        if !self.busy_flows.ids().insert(flow_id.to_owned()) {
            return Err(Fault::Conflict);
        }
        let flow = BusyFlow {
            id: flow_id.to_owned(),
            flows: Arc::clone(&self.busy_flows),
        };
        Ok(PasswordCheck {
            flow,
            _permit: permit,
        })
    }

    /// Ends the check, and takes a place for hashing the password. The flow is busy until the place is dropped.
    pub(crate) fn place_after(&self, check: PasswordCheck) -> Result<HashingPlace, Fault> {
        self.place_for(Some(check.flow))
    }

    fn place_for(&self, flow: Option<BusyFlow>) -> Result<HashingPlace, Fault> {
        Ok(HashingPlace {
            _held: Arc::new((try_acquire(&self.places)?, flow)),
        })
    }

    /// Hashes a new password of a user with the current algorithm.
    pub(crate) async fn hash_user_password(
        &self,
        place: &HashingPlace,
        password: &str,
    ) -> Result<PasswordHash, Fault> {
        self.hash_new(place, &self.user_algorithms.current, password)
            .await
    }

    /// Hashes a new temporary password.
    pub(crate) async fn hash_temporary_password(
        &self,
        place: &HashingPlace,
        password: &str,
    ) -> Result<PasswordHash, Fault> {
        self.hash_new(place, &self.temporary_algorithm, password)
            .await
    }

    /// Returns the configured algorithm with this ID. A hash of any other algorithm cannot be verified, which is a
    /// fault.
    pub(crate) fn user_algorithm(&self, algorithm_id: &str) -> Result<&Algorithm, Fault> {
        let UserPasswordHashAlgorithms { current, previous } = &self.user_algorithms;
        let mut configured = std::iter::once(current).chain(previous);
        configured
            .find(|algorithm| algorithm.id() == algorithm_id)
            .ok_or_else(|| {
                Fault::from(AdapterError::message(
                    "verify a password: its hash algorithm is not configured",
                ))
            })
    }

    /// Checks whether new hashes use another algorithm than this.
    pub(crate) fn is_outdated(&self, algorithm_id: &str) -> bool {
        self.user_algorithms.current.id() != algorithm_id
    }

    /// Verifies a password against its hash.
    pub(crate) async fn verify_user_password(
        &self,
        place: &HashingPlace,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<bool, Fault> {
        self.verify(
            place,
            self.user_algorithm(&hash.algorithm_id)?,
            password,
            hash,
        )
        .await
    }

    /// Verifies a temporary password against its hash. A hash of another algorithm, from before a change of
    /// configuration, verifies nothing.
    pub(crate) async fn verify_temporary_password(
        &self,
        place: &HashingPlace,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<bool, Fault> {
        let same_algorithm = self.temporary_algorithm.id() == hash.algorithm_id;
        Ok(same_algorithm
            && self
                .verify(place, &self.temporary_algorithm, password, hash)
                .await?)
    }

    async fn verify(
        &self,
        place: &HashingPlace,
        algorithm: &Algorithm,
        password: &str,
        expected: &PasswordHash,
    ) -> Result<bool, Fault> {
        let hash = self
            .hash(place, algorithm, password, expected.salt.to_vec())
            .await?;
        // An empty hash would equal the empty hash of any password.
        Ok(!expected.hash.is_empty() && bool::from(hash.ct_eq(&expected.hash)))
    }

    async fn hash_new(
        &self,
        place: &HashingPlace,
        algorithm: &Algorithm,
        password: &str,
    ) -> Result<PasswordHash, Fault> {
        let salt = random::salt(algorithm.salt_size());
        let hash = self.hash(place, algorithm, password, salt.clone()).await?;
        let (salt, hash) = (Bytes::from(salt), Bytes::from(hash));
        Ok(PasswordHash {
            algorithm_id: algorithm.id().to_owned(),
            salt,
            hash,
        })
    }

    /// Waits for a permit and hashes on a blocking thread. Permit and place move to that thread and are returned when
    /// the hash is done, even if it panics or the caller has disconnected.
    async fn hash(
        &self,
        place: &HashingPlace,
        algorithm: &Algorithm,
        password: &str,
        salt: Vec<u8>,
    ) -> Result<Vec<u8>, Fault> {
        let (place, algorithm) = (place.clone(), Arc::clone(algorithm));
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let hash = spawn_blocking(move || {
            let _held = (place, permit);
            algorithm.hash(&password, &salt)
        });
        // The panic's message could contain a secret.
        Ok(hash
            .await
            .map_err(|_| AdapterError::message("hash a password: the algorithm panicked"))??)
    }
}

fn try_acquire(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Fault> {
    let permit = Arc::clone(permits).try_acquire_owned();
    permit.map_err(|_| Fault::Overloaded)
}
