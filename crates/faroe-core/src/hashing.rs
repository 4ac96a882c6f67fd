//! Password hashing: bounded, on blocking threads, and only while a caller waits.

use std::sync::Arc;

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
}

/// A place in the hashing queue. An action takes one before it consumes anything, so an overloaded server rejects the
/// action without changing anything.
#[derive(Clone, Debug)]
pub(crate) struct HashingPlace {
    _place: Arc<OwnedSemaphorePermit>,
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
        }
    }

    /// Takes a place, or fails with [`Fault::Overloaded`] if the queue is full.
    pub(crate) fn place(&self) -> Result<HashingPlace, Fault> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Fault::Overloaded)?;
        Ok(HashingPlace {
            _place: Arc::new(place),
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
