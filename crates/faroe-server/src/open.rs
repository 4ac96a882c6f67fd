//! The adapters that the configuration names, opened.

mod remote_users;

use std::{fmt, fs, io, path::Path, sync::Arc};

use faroe_core::{
    Storages,
    error::{AdapterError, ErrorChain},
    storage::{Cache, MainStorage, RateLimitStorage, Storage, namespace},
    time::SystemClock,
    user_store::UserStore,
};
use faroe_storage_memory::{MemoryCache, MemoryMainStorage, MemoryRateLimitStorage};
use faroe_storage_mysql::MysqlStorage;
use faroe_storage_postgres::PostgresStorage;
use faroe_storage_redis::{Redis, RedisCache, RedisRateLimitStorage, RedisStorage};
use faroe_storage_sqlite::SqliteStorage;
use faroe_user_store_mysql::MysqlUserStore;
use faroe_user_store_postgres::PostgresUserStore;
use faroe_user_store_sqlite::SqliteUserStore;

use crate::{
    Configuration, StartError,
    configuration::{StoragePlace, UserStorePlace},
};

/// Makes sure that the folder of the SQLite files is there, if one is needed.
pub(crate) fn data_dir(configuration: &Configuration) -> Result<(), StartError> {
    let Some(folder) = configuration.data_dir() else {
        return Ok(());
    };
    create_private_folder(folder).map_err(|error| {
        StartError::because(
            format!("could not create the data folder {}", folder.display()),
            &error,
        )
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

/// Opens the storages of all roles. A place that has several roles is opened once.
pub(crate) async fn storages(configuration: &Configuration) -> Result<Storages, StartError> {
    let (main, rate_limit) = (
        &configuration.main_storage,
        &configuration.rate_limit_storage,
    );
    let (main_storage, rate_limit_storage) = if main == rate_limit {
        let storage = Place::open("storage", main).await?;
        (storage.clone(), storage)
    } else {
        (
            Place::open("main_storage", main).await?,
            Place::open("rate_limit_storage", rate_limit).await?,
        )
    };
    let cache = match &configuration.cache {
        None => None,
        Some(cache) if cache == main => Some(main_storage.clone()),
        Some(cache) if cache == rate_limit => Some(rate_limit_storage.clone()),
        Some(cache) => Some(Place::open("cache", cache).await?),
    };
    let mut storages = Storages::new(main_storage.main(), rate_limit_storage.rate_limit());
    storages.cache = cache.map(Place::cache);
    Ok(storages)
}

/// Opens the place of one role alone, as the main storage.
pub(crate) async fn main_storage(place: &StoragePlace) -> Result<Arc<dyn MainStorage>, StartError> {
    Ok(Place::open("main_storage", place).await?.main())
}

/// Opens the place of one role alone, as the rate limit storage.
pub(crate) async fn rate_limit_storage(
    place: &StoragePlace,
) -> Result<Arc<dyn RateLimitStorage>, StartError> {
    let place = Place::open("rate_limit_storage", place).await?;
    Ok(place.rate_limit())
}

/// Opens the place of one role alone, as the cache.
pub(crate) async fn cache(place: &StoragePlace) -> Result<Arc<dyn Cache>, StartError> {
    Ok(Place::open("cache", place).await?.cache())
}

/// A place that is open.
#[derive(Clone)]
enum Place {
    Memory,
    Storage(Arc<dyn Storage>),
    Redis(Redis),
}

impl Place {
    async fn open(setting: &str, place: &StoragePlace) -> Result<Self, StartError> {
        let failed = |error| could_not_open(setting, place, &error);
        Ok(match place {
            StoragePlace::Memory => Self::Memory,
            StoragePlace::Sqlite(path) => {
                let storage = SqliteStorage::connect(path).await.map_err(failed)?;
                Self::Storage(Arc::new(storage))
            }
            StoragePlace::Postgres(url) => {
                let storage = PostgresStorage::connect(url.expose()).await;
                Self::Storage(Arc::new(storage.map_err(failed)?))
            }
            StoragePlace::Mysql(url) => {
                let storage = MysqlStorage::connect(url.expose()).await;
                Self::Storage(Arc::new(storage.map_err(failed)?))
            }
            StoragePlace::Redis(url) => {
                Self::Redis(Redis::connect(url.expose()).await.map_err(failed)?)
            }
        })
    }

    fn main(self) -> Arc<dyn MainStorage> {
        let storage: Arc<dyn Storage> = match self {
            Self::Memory => return Arc::new(MemoryMainStorage::default()),
            Self::Storage(storage) => storage,
            Self::Redis(redis) => Arc::new(RedisStorage::new(redis)),
        };
        Arc::new(namespace::main(storage))
    }

    fn rate_limit(self) -> Arc<dyn RateLimitStorage> {
        match self {
            Self::Memory => Arc::new(MemoryRateLimitStorage::default()),
            Self::Storage(storage) => Arc::new(namespace::rate_limit(storage)),
            Self::Redis(redis) => Arc::new(RedisRateLimitStorage::new(redis)),
        }
    }

    fn cache(self) -> Arc<dyn Cache> {
        match self {
            Self::Memory => Arc::new(MemoryCache::default()),
            Self::Storage(storage) => Arc::new(namespace::cache(storage, Arc::new(SystemClock))),
            Self::Redis(redis) => Arc::new(RedisCache::new(redis)),
        }
    }
}

/// Opens the user store. Without a description of the table it is the default one, which is created if it is missing.
pub(crate) async fn user_store(
    configuration: &Configuration,
) -> Result<Arc<dyn UserStore>, StartError> {
    let place = &configuration.user_store;
    let table = configuration.users_table.clone();
    let failed = |error| could_not_open("user_store", place, &error);
    Ok(match place {
        UserStorePlace::UserServer(url) => {
            let user_server = configuration.user_server.as_ref().expect("it was checked");
            let users = remote_users::open(url.expose(), user_server).await;
            Arc::new(users.map_err(failed)?)
        }
        UserStorePlace::Sqlite(path) => Arc::new(
            match table {
                None => SqliteUserStore::connect(path).await,
                Some(table) => SqliteUserStore::connect_existing(path, table).await,
            }
            .map_err(failed)?,
        ),
        UserStorePlace::Postgres(url) => Arc::new(
            match table {
                None => PostgresUserStore::connect(url.expose()).await,
                Some(table) => PostgresUserStore::connect_existing(url.expose(), table).await,
            }
            .map_err(failed)?,
        ),
        UserStorePlace::Mysql(url) => Arc::new(
            match table {
                None => MysqlUserStore::connect(url.expose()).await,
                Some(table) => MysqlUserStore::connect_existing(url.expose(), table).await,
            }
            .map_err(failed)?,
        ),
    })
}

/// One line that says what to do.
fn could_not_open(setting: &str, place: impl fmt::Display, error: &AdapterError) -> StartError {
    StartError::new(format!(
        "{setting} ({place}): {}; mend that, or set {setting} (FAROE_{}) to another place",
        ErrorChain(error),
        setting.to_uppercase(),
    ))
}
