//! From a configuration to a server: the adapters, opened and put together.

use std::{fs, io, path::Path, sync::Arc};

use faroe_argon2::{Argon2id, InvalidParameters, Parameters};
use faroe_core::{
    Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms, email::EmailSender,
    error::AdapterError, password::PasswordHashAlgorithm, user_store::UserStore,
};
use faroe_password_strength::PasswordStrength;
use faroe_storage_memory::{MemoryCache, MemoryOptions, MemoryStorage};
use faroe_storage_sqlite::SqliteStorage;
use faroe_user_store_sqlite::{SqliteUserStore, UsersTable};

use crate::{
    Configuration, StartError,
    configuration::{StoragePlace, UserStorePlace},
    http::Readiness,
};

/// A server that is ready to be asked, and what tells whether it is.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) server: Server,
    pub(crate) readiness: Readiness,
}

/// Opens what the configuration names and puts the server together.
pub(crate) async fn assemble(
    configuration: &Configuration,
    email_sender: Arc<dyn EmailSender>,
) -> Result<Assembly, StartError> {
    if let Some(folder) = configuration.data_dir() {
        create_private_folder(folder).map_err(|error| {
            StartError::because(
                format!("could not create the data folder {}", folder.display()),
                &error,
            )
        })?;
    }
    let mut storages = open_storage(&configuration.storage).await?;
    if configuration.session.cache_expiration.is_some() {
        storages.cache = Some(Arc::new(MemoryCache::new(MemoryOptions::default())));
    }
    let user_store = open_user_store(
        &configuration.user_store,
        configuration.users_table.as_ref(),
    )
    .await?;
    let readiness = Readiness {
        storage: Arc::clone(&storages.main),
        user_store: Arc::clone(&user_store),
    };
    let parts = ServerParts {
        storages,
        user_store,
        user_password_hash_algorithms: algorithms(configuration)
            .map_err(|error| StartError::because("hashing", &error))?,
        temporary_password_hash_algorithm: Arc::new(Argon2id::recommended_for_temporary_passwords()),
        email_sender,
    };
    let options = ServerOptions {
        session: configuration.session.clone(),
        rate_limits: configuration.rate_limits.clone(),
        hashing: configuration.hashing,
        password_strength_checker: Arc::new(PasswordStrength::default()),
        ..ServerOptions::default()
    };
    let server = Server::new(parts, options).map_err(|error| StartError::new(error.to_string()))?;
    Ok(Assembly { server, readiness })
}

fn algorithms(
    configuration: &Configuration,
) -> Result<UserPasswordHashAlgorithms, InvalidParameters> {
    let argon2id =
        |parameters: &Parameters| -> Result<Arc<dyn PasswordHashAlgorithm>, InvalidParameters> {
            Ok(Arc::new(Argon2id::new(*parameters)?))
        };
    Ok(UserPasswordHashAlgorithms {
        current: argon2id(&configuration.password_hash)?,
        previous: configuration
            .previous_password_hashes
            .iter()
            .map(argon2id)
            .collect::<Result<_, _>>()?,
    })
}

/// Makes sure that the folder is there. A new one is only for the user that the server runs as.
fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

async fn open_storage(place: &StoragePlace) -> Result<Storages, StartError> {
    match place {
        StoragePlace::Memory => Ok(Storages::single(MemoryStorage::new(
            MemoryOptions::default(),
        ))),
        StoragePlace::Sqlite(path) => {
            let storage = SqliteStorage::connect(path).await;
            storage
                .map(Storages::single)
                .map_err(|error| could_not_open("storage", path, &error))
        }
    }
}

/// Without a description of the table it is the default one, which is created if it is missing.
async fn open_user_store(
    place: &UserStorePlace,
    table: Option<&UsersTable>,
) -> Result<Arc<dyn UserStore>, StartError> {
    let UserStorePlace::Sqlite(path) = place;
    let user_store = match table {
        None => SqliteUserStore::connect(path).await,
        Some(table) => SqliteUserStore::connect_existing(path, table.clone()).await,
    };
    Ok(Arc::new(user_store.map_err(|error| {
        could_not_open("user store", path, &error)
    })?))
}

fn could_not_open(what: &str, path: &Path, error: &AdapterError) -> StartError {
    StartError::because(format!("the {what} {}", path.display()), error)
}
