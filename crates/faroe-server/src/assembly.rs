//! Assembles a server from the adapters that the settings name.

use std::{collections::BTreeSet, sync::Arc};

use faroe_argon2::Argon2id;
use faroe_core::{
    Server, ServerOptions, ServerParts, UserPasswordHashAlgorithms,
    background::BackgroundTasks,
    email::EmailSender,
    error::{AdapterError, ErrorChain},
    password::{
        PasswordHashAlgorithm, PasswordHashVerifier, PasswordStrengthChecker,
        PasswordStrengthCheckers,
    },
};
use faroe_password_hashes::{FirebaseScrypt, Verifier};
use faroe_password_strength::PasswordStrength;
use faroe_pwned_passwords::PwnedPasswords;

use crate::{
    StartError,
    configuration::{PreviousHash, Settings},
    open::{self, Open, users::Users},
    readiness::Readiness,
};

/// The effect of a kind of hashes that is not configured, and the remedy.
pub(crate) const UNCONFIGURED_HASH: &str = "users whose password hash is of a kind that is not configured cannot sign in; list \
    it in hashing.previous";

/// A server, and the parts of it that its surroundings need.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) server: Server,
    /// The work that the server does after its answers.
    pub(crate) background: Arc<BackgroundTasks>,
    pub(crate) readiness: Readiness,
}

/// Opens the adapters and assembles the server.
pub(crate) async fn assemble(
    settings: &Settings,
    email_sender: Arc<dyn EmailSender>,
) -> Result<Assembly, StartError> {
    open::data_dir(settings)?;
    let algorithms = algorithms(settings)?;
    let Open {
        storages,
        users,
        roles,
    } = open::everything(settings).await?;
    let readiness = Readiness::new(roles);
    // Logs what is not ready, such as a database that is read-only. It may become ready later.
    readiness.try_out().await;
    warn_of_unverifiable_hashes(&algorithms, &users).await;
    let parts = ServerParts::new(
        storages,
        users.store(),
        algorithms,
        implemented(settings, Argon2id::recommended_for_temporary_passwords()),
        email_sender,
    );
    let background = Arc::new(BackgroundTasks::default());
    let mut options = ServerOptions::default();
    options.session = settings.session.clone().into();
    options.rate_limits = settings.rate_limits.clone().into();
    options.hashing = settings.hashing.concurrency();
    options.timeouts = settings.timeouts.clone().into();
    options.minimum_password_length = settings.passwords.minimum_length.get();
    options.product_name = settings.email.templates().product_name;
    options.email_address_case = settings.email_address_case.into();
    options.signup_fields = settings.signup_fields();
    options.password_strength_checker = Arc::new(password_checkers(settings));
    options.background = Arc::clone(&background) as _;
    let server = Server::new(parts, options).map_err(|error| StartError::new(error.to_string()))?;
    Ok(Assembly {
        server,
        background,
        readiness,
    })
}

/// Returns the checks of new passwords. The one that needs no network comes first: passwords that it refuses are not looked
/// up.
fn password_checkers(settings: &Settings) -> PasswordStrengthCheckers {
    let mut checkers: Vec<Arc<dyn PasswordStrengthChecker>> = Vec::new();
    if settings.passwords.strength_check {
        checkers.push(Arc::new(PasswordStrength::default()));
    }
    if let Some(options) = settings.passwords.breach_check_options(settings.mode) {
        checkers.push(Arc::new(PwnedPasswords::new(options)));
    }
    PasswordStrengthCheckers(checkers)
}

/// Returns the algorithm for new hashes, and the verifiers of earlier ones.
pub(crate) fn algorithms(settings: &Settings) -> Result<UserPasswordHashAlgorithms, StartError> {
    let hashing = &settings.hashing;
    let argon2id = |key: &str, parameters| {
        Argon2id::new(parameters).map_err(|error| StartError::because(key.to_owned(), &error))
    };
    let current = argon2id("hashing", hashing.current())?;
    let mut algorithms = UserPasswordHashAlgorithms::new(implemented(settings, current));
    for previous in &hashing.previous {
        const KEY: &str = "hashing.previous";
        let verifier: Arc<dyn PasswordHashVerifier> = match previous {
            PreviousHash::Argon2id { id, parameters } => {
                let argon2id = argon2id(KEY, *parameters)?;
                let argon2id = match id {
                    Some(id) => argon2id.with_id(id),
                    None => argon2id,
                };
                implemented(settings, argon2id)
            }
            PreviousHash::Other(kind) => {
                Arc::new(Verifier::new(*kind).with_bounds(hashing.previous_bounds()))
            }
            PreviousHash::Firebase(project) => {
                let signer_key = project.signer_key.read(KEY)?;
                let project = FirebaseScrypt::new(signer_key.expose(), &project.salt_separator)
                    .map_err(|error| StartError::because(KEY, &error))?;
                let verifier = Verifier::firebase_scrypt(project);
                Arc::new(verifier.with_bounds(hashing.previous_bounds()))
            }
        };
        algorithms.previous.push(verifier);
    }
    Ok(algorithms)
}

/// Password hashes in the users table with which their users cannot sign in.
#[derive(Debug, Default)]
pub(crate) struct UnverifiableHashes {
    /// The kinds that none of the algorithms verifies, in order.
    pub(crate) unconfigured: BTreeSet<String>,
    /// The number of hashes of configured kinds that are malformed or whose costs are too high.
    unfit: usize,
    /// The reason for the first of these.
    first_reason: String,
}

impl UnverifiableHashes {
    /// Looks for hashes that cannot be verified in the first 10,000 rows of the table.
    pub(crate) async fn find(
        algorithms: &UserPasswordHashAlgorithms,
        users: &Users,
    ) -> Result<Self, AdapterError> {
        let mut found = Self::default();
        for hash in users.sample_password_hashes().await? {
            let mut previous = algorithms.previous.iter();
            let checked = if algorithms.current.recognizes(&hash) {
                algorithms.current.check(&hash)
            } else if let Some(verifier) = previous.find(|kind| kind.recognizes(&hash)) {
                verifier.check(&hash)
            } else {
                let kind = hash.kind().unwrap_or("of an unknown form");
                found.unconfigured.insert(kind.to_owned());
                Ok(())
            };
            if let Err(error) = checked {
                if found.unfit == 0 {
                    found.first_reason = ErrorChain(&error).to_string();
                }
                found.unfit += 1;
            }
        }
        Ok(found)
    }

    /// Returns a message about hashes that are malformed or cost too much, if there are any.
    pub(crate) fn unfit(&self) -> Option<String> {
        let Self {
            unfit,
            first_reason,
            ..
        } = self;
        (*unfit > 0).then(|| {
            format!(
                "password hashes that cannot be verified: {unfit}; their users need a password reset; the first: {first_reason}"
            )
        })
    }
}

async fn warn_of_unverifiable_hashes(algorithms: &UserPasswordHashAlgorithms, users: &Users) {
    match UnverifiableHashes::find(algorithms, users).await {
        Ok(found) => {
            for kind in &found.unconfigured {
                tracing::warn!(kind, "{UNCONFIGURED_HASH}");
            }
            if let Some(message) = found.unfit() {
                tracing::warn!("{message}");
            }
        }
        Err(error) => {
            tracing::warn!(error = %ErrorChain(&error), "the kinds of password hashes are unknown");
        }
    }
}

/// Chooses the implementation. IDs and hashes are the same.
#[cfg(feature = "argon2-fast")]
fn implemented(settings: &Settings, argon2id: Argon2id) -> Arc<dyn PasswordHashAlgorithm> {
    Arc::new(if settings.hashing.fast {
        argon2id.fast()
    } else {
        argon2id
    })
}

/// There is one implementation. The configuration was checked.
#[cfg(not(feature = "argon2-fast"))]
fn implemented(_: &Settings, argon2id: Argon2id) -> Arc<dyn PasswordHashAlgorithm> {
    Arc::new(argon2id)
}
