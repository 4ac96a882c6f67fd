//! Assembles a server from the adapters that the settings name.

use std::sync::Arc;

use faroe_argon2::{Argon2id, InvalidParameters, Parameters};
use faroe_core::{
    Server, ServerOptions, ServerParts, UserPasswordHashAlgorithms,
    background::BackgroundTasks,
    email::EmailSender,
    password::{PasswordHashAlgorithm, PasswordStrengthChecker, PasswordStrengthCheckers},
};
use faroe_password_strength::PasswordStrength;
use faroe_pwned_passwords::PwnedPasswords;

use crate::{StartError, configuration::Settings, http::Readiness, open};

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
    let storages = open::storages(settings).await?;
    let user_store = open::user_store(settings).await?;
    let readiness = Readiness {
        main_storage: Arc::clone(&storages.main),
        rate_limit_storage: Arc::clone(&storages.rate_limit),
        user_store: Arc::clone(&user_store),
    };
    let parts = ServerParts::new(
        storages,
        user_store,
        algorithms(settings).map_err(|error| StartError::because("hashing", &error))?,
        implemented(settings, Argon2id::recommended_for_temporary_passwords()),
        email_sender,
    );
    let background = Arc::new(BackgroundTasks::default());
    let mut options = ServerOptions::default();
    options.session = settings.session.clone().into();
    options.rate_limits = settings.rate_limits.clone().into();
    options.hashing = settings.hashing.concurrency();
    options.timeouts = settings.timeouts.clone().into();
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

fn algorithms(settings: &Settings) -> Result<UserPasswordHashAlgorithms, InvalidParameters> {
    let argon2id = |parameters: Parameters| Ok(implemented(settings, Argon2id::new(parameters)?));
    let mut algorithms = UserPasswordHashAlgorithms::new(argon2id(settings.hashing.current())?);
    for parameters in settings.hashing.previous() {
        algorithms.previous.push(argon2id(parameters)?);
    }
    Ok(algorithms)
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
