//! Password hashing: bounded, on blocking threads, and only while a caller waits.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use faroe_protocol::types::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
use zeroize::Zeroizing;

use crate::{
    configuration::{Hashing, UserPasswordHashAlgorithms},
    error::AdapterError,
    fault::Fault,
    password::{PasswordHash, PasswordHashAlgorithm, PasswordHashVerifier, Verification},
    random,
};

type Algorithm = Arc<dyn PasswordHashAlgorithm>;
type Verifier = Arc<dyn PasswordHashVerifier>;

/// Computes all password hashes of a server.
#[derive(Debug)]
pub(crate) struct Hasher {
    user_algorithm: Algorithm,
    /// The current algorithm and all previous ones.
    user_verifiers: Vec<Verifier>,
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
        let UserPasswordHashAlgorithms { current, previous } = user_algorithms;
        let mut user_verifiers: Vec<Verifier> = vec![Arc::clone(&current) as _];
        user_verifiers.extend(previous);
        Self {
            user_algorithm: current,
            user_verifiers,
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
        self.hash_new(place, &self.user_algorithm, password).await
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

    /// Returns the configured verifier of this hash. A hash of any other kind cannot be verified, which is a fault.
    fn user_verifier(&self, hash: &PasswordHash) -> Result<&Verifier, Fault> {
        let mut verifiers = self.user_verifiers.iter();
        let verifier = verifiers.find(|verifier| verifier.recognizes(hash));
        verifier.ok_or_else(|| {
            let kind = hash.kind().unwrap_or("of an unknown form");
            Fault::from(AdapterError::message(format!(
                "verify a password: the kind of its hash, {kind}, is not configured; list it among the previous hashes"
            )))
        })
    }

    /// Checks that the hash can be verified, or fails. The missing hash of a user without a password can be.
    pub(crate) fn check_user_hash(&self, hash: &PasswordHash) -> Result<(), Fault> {
        if !hash.is_empty() {
            self.user_verifier(hash)?;
        }
        Ok(())
    }

    /// Checks whether new hashes are made otherwise than this.
    pub(crate) fn is_outdated(&self, hash: &PasswordHash) -> bool {
        !self.user_algorithm.recognizes(hash)
    }

    /// Verifies a password against its hash. If there is nothing to compare with, it takes the time of a new hash.
    pub(crate) async fn verify_user_password(
        &self,
        place: &HashingPlace,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<Verification, Fault> {
        let verification = if hash.is_empty() {
            Verification::Incorrect
        } else {
            let verifier = self.user_verifier(hash)?;
            self.verify(place, verifier, password, hash).await?
        };
        if hash.is_empty() || matches!(verification, Verification::Malformed(_)) {
            self.hash_user_password(place, password).await?;
        }
        Ok(verification)
    }

    /// Verifies a temporary password against its hash. A hash of another algorithm, from before a change of
    /// configuration, verifies nothing.
    pub(crate) async fn verify_temporary_password(
        &self,
        place: &HashingPlace,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<bool, Fault> {
        let verifier: Verifier = Arc::clone(&self.temporary_algorithm) as _;
        if !verifier.recognizes(hash) {
            return Ok(false);
        }
        let verification = self.verify(place, &verifier, password, hash).await?;
        Ok(matches!(verification, Verification::Correct))
    }

    async fn verify(
        &self,
        place: &HashingPlace,
        verifier: &Verifier,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<Verification, Fault> {
        let (verifier, hash) = (Arc::clone(verifier), hash.clone());
        self.on_a_blocking_thread(place, password, move |password| {
            verifier.verify(password, &hash)
        })
        .await
    }

    async fn hash_new(
        &self,
        place: &HashingPlace,
        algorithm: &Algorithm,
        password: &str,
    ) -> Result<PasswordHash, Fault> {
        let salt = random::salt(algorithm.salt_size());
        let (hashing, salt_of_hash) = (Arc::clone(algorithm), salt.clone());
        let hash = self
            .on_a_blocking_thread(place, password, move |password| {
                hashing.hash(password, &salt_of_hash)
            })
            .await?;
        let (salt, hash) = (Bytes::from(salt), Bytes::from(hash));
        Ok(PasswordHash {
            algorithm_id: algorithm.id().to_owned(),
            salt,
            hash,
        })
    }

    /// Waits for a permit and hashes on a blocking thread. Permit and place move to that thread and are returned when
    /// the hash is done, even if it panics or the caller has disconnected.
    async fn on_a_blocking_thread<T: Send + 'static>(
        &self,
        place: &HashingPlace,
        password: &str,
        hash: impl FnOnce(&[u8]) -> Result<T, AdapterError> + Send + 'static,
    ) -> Result<T, Fault> {
        let place = place.clone();
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let hash = spawn_blocking(move || {
            let _held = (place, permit);
            hash(&password)
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
