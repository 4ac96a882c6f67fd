//! From a configuration to a server: the adapters, opened and put together.

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

use crate::{Configuration, StartError, configuration::Passwords, http::Readiness, open};

/// A server that is ready to be asked, and what tells whether it is.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) server: Server,
    /// What the server does when it has answered.
    pub(crate) background: Arc<BackgroundTasks>,
    pub(crate) readiness: Readiness,
}

/// Opens what the configuration names and puts the server together.
pub(crate) async fn assemble(
    configuration: &Configuration,
    email_sender: Arc<dyn EmailSender>,
) -> Result<Assembly, StartError> {
    open::data_dir(configuration)?;
    let storages = open::storages(configuration).await?;
    let user_store = open::user_store(configuration).await?;
    let readiness = Readiness {
        main_storage: Arc::clone(&storages.main),
        rate_limit_storage: Arc::clone(&storages.rate_limit),
        user_store: Arc::clone(&user_store),
    };
    let parts = ServerParts::new(
        storages,
        user_store,
        algorithms(configuration).map_err(|error| StartError::because("hashing", &error))?,
        implemented(
            configuration,
            Argon2id::recommended_for_temporary_passwords(),
        ),
        email_sender,
    );
    let background = Arc::new(BackgroundTasks::default());
    let mut options = ServerOptions::default();
    options.session = configuration.session.clone();
    options.rate_limits = configuration.rate_limits.clone();
    options.hashing = configuration.hashing;
    options.password_strength_checker = Arc::new(password_checkers(&configuration.passwords));
    options.background = Arc::clone(&background) as _;
    let server = Server::new(parts, options).map_err(|error| StartError::new(error.to_string()))?;
    Ok(Assembly {
        server,
        background,
        readiness,
    })
}

/// The check that needs no network comes first: what it refuses is asked of no one.
fn password_checkers(passwords: &Passwords) -> PasswordStrengthCheckers {
    let mut checkers: Vec<Arc<dyn PasswordStrengthChecker>> = Vec::new();
    if passwords.strength_check {
        checkers.push(Arc::new(PasswordStrength::default()));
    }
    if let Some(options) = &passwords.breach_check {
        checkers.push(Arc::new(PwnedPasswords::new(options.clone())));
    }
    PasswordStrengthCheckers(checkers)
}

fn algorithms(
    configuration: &Configuration,
) -> Result<UserPasswordHashAlgorithms, InvalidParameters> {
    let argon2id =
        |parameters: &Parameters| Ok(implemented(configuration, Argon2id::new(*parameters)?));
    let mut algorithms = UserPasswordHashAlgorithms::new(argon2id(&configuration.password_hash)?);
    for parameters in &configuration.previous_password_hashes {
        algorithms.previous.push(argon2id(parameters)?);
    }
    Ok(algorithms)
}

/// By the implementation that was chosen; IDs and hashes are the same.
fn implemented(
    configuration: &Configuration,
    argon2id: Argon2id,
) -> Arc<dyn PasswordHashAlgorithm> {
    Arc::new(if configuration.hashes_fast {
        argon2id.fast()
    } else {
        argon2id
    })
}
