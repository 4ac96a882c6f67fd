//! Hashing of passwords: bounded, on blocking threads, and for as long as someone waits.

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

/// Computes all hashes of a server.
#[derive(Debug)]
pub(crate) struct Hasher {
    user_algorithms: UserPasswordHashAlgorithms,
    temporary_algorithm: Algorithm,
    /// As many as hashes may be computed and waited for together.
    places: Arc<Semaphore>,
    /// As many as hashes may be computed at once.
    permits: Arc<Semaphore>,
}

/// A place among those who hash or wait. An action takes one before it consumes anything, so that an overloaded server
/// refuses it with nothing changed.
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

    /// A place, or [`Fault::Overloaded`] if all are taken.
    pub(crate) fn place(&self) -> Result<HashingPlace, Fault> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Fault::Overloaded)?;
        Ok(HashingPlace {
            _place: Arc::new(place),
        })
    }

    /// Hashes a user's new password with the current algorithm.
    pub(crate) async fn hash_user_password(
        &self,
        place: &HashingPlace,
        password: &str,
    ) -> Result<PasswordHash, Fault> {
        self.hash_new(place, &self.user_algorithms.current, password)
            .await
    }

    /// Hashes a fresh temporary password.
    pub(crate) async fn hash_temporary_password(
        &self,
        place: &HashingPlace,
        password: &str,
    ) -> Result<PasswordHash, Fault> {
        self.hash_new(place, &self.temporary_algorithm, password)
            .await
    }

    /// The configured algorithm with this ID. A user whose hash is of another cannot be verified: that is a fault.
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

    /// Whether new hashes are made with another algorithm than this.
    pub(crate) fn is_outdated(&self, algorithm_id: &str) -> bool {
        self.user_algorithms.current.id() != algorithm_id
    }

    /// Whether the password is the one that the hash is of.
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

    /// Whether the temporary password is the one that the hash is of. One that another algorithm has hashed, before the
    /// configuration was changed, is not.
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
        // Two empty hashes are equal to any password.
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

    /// Waits for a permit, not longer than the caller does, and hashes on a blocking thread. Permit and place go along,
    /// so that both are given back when the hash is done, whether it panics or its caller has gone.
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
        // The panic's own message might hold anything.
        Ok(hash
            .await
            .map_err(|_| AdapterError::message("hash a password: the algorithm panicked"))??)
    }
}
