//! Opens the adapters that the configuration names.

pub(crate) mod email;
mod remote_users;

use std::{fmt, fs, io, net::SocketAddr, path::Path, sync::Arc};

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
use tokio::net::TcpListener;

use crate::{
    StartError,
    configuration::{EmailAddressCase, Settings, StoragePlace, UserStorePlace},
};

/// Creates the folder of the default SQLite files, if it is used and missing.
pub(crate) fn data_dir(settings: &Settings) -> Result<(), StartError> {
    let Some(folder) = settings.used_data_dir() else {
        return Ok(());
    };
    create_private_folder(folder).map_err(|error| {
        StartError::because(
            format!("create the data folder {}", folder.display()),
            &error,
        )
    })
}

/// Creates a folder that only the user of this process can read, unless it exists.
fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens the storages of all roles. A place that has several roles is opened once.
pub(crate) async fn storages(settings: &Settings) -> Result<Storages, StartError> {
    let (main, rate_limit) = (
        settings.main_storage_place(),
        settings.rate_limit_storage_place(),
    );
    let (main_storage, rate_limit_storage) = if main == rate_limit {
        let storage = Backend::open("storage", &main).await?;
        (storage.clone(), storage)
    } else {
        (
            Backend::open("main_storage", &main).await?,
            Backend::open("rate_limit_storage", &rate_limit).await?,
        )
    };
    let cache = match settings.cache_place() {
        None => None,
        Some(cache) if cache == main => Some(main_storage.clone()),
        Some(cache) if cache == rate_limit => Some(rate_limit_storage.clone()),
        Some(cache) => Some(Backend::open("cache", &cache).await?),
    };
    let mut storages = Storages::new(main_storage.main(), rate_limit_storage.rate_limit());
    storages.cache = cache.map(Backend::cache);
    Ok(storages)
}

/// Opens the place of one role alone, as the main storage.
pub(crate) async fn main_storage(place: &StoragePlace) -> Result<Arc<dyn MainStorage>, StartError> {
    Ok(Backend::open("main_storage", place).await?.main())
}

/// Opens the place of one role alone, as the rate limit storage.
pub(crate) async fn rate_limit_storage(
    place: &StoragePlace,
) -> Result<Arc<dyn RateLimitStorage>, StartError> {
    let backend = Backend::open("rate_limit_storage", place).await?;
    Ok(backend.rate_limit())
}

/// Opens the place of one role alone, as the cache.
pub(crate) async fn cache(place: &StoragePlace) -> Result<Arc<dyn Cache>, StartError> {
    Ok(Backend::open("cache", place).await?.cache())
}

/// A storage that is open and can take any role.
#[derive(Clone)]
enum Backend {
    Memory,
    Storage(Arc<dyn Storage>),
    Redis(Redis),
}

impl Backend {
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
pub(crate) async fn user_store(settings: &Settings) -> Result<Arc<dyn UserStore>, StartError> {
    let place = settings.user_store_place();
    let ignores_case = settings.email_address_case == EmailAddressCase::Ignore;
    let table = settings.users_table.clone().map(|mut table| {
        table.ignores_email_address_case = ignores_case;
        table
    });
    let failed = |error| could_not_open("user_store", &place, &error);
    Ok(match &place {
        UserStorePlace::UserServer(url) => {
            let credentials = settings.user_server.credentials()?;
            let users = remote_users::open(url.expose(), credentials.as_ref(), settings).await;
            Arc::new(users.map_err(failed)?)
        }
        UserStorePlace::Sqlite(path) => Arc::new(
            match table {
                None if ignores_case => SqliteUserStore::connect_ignoring_case(path).await,
                None => SqliteUserStore::connect(path).await,
                Some(table) => SqliteUserStore::connect_existing(path, table).await,
            }
            .map_err(failed)?,
        ),
        UserStorePlace::Postgres(url) => Arc::new(
            match table {
                None if ignores_case => {
                    PostgresUserStore::connect_ignoring_case(url.expose()).await
                }
                None => PostgresUserStore::connect(url.expose()).await,
                Some(table) => PostgresUserStore::connect_existing(url.expose(), table).await,
            }
            .map_err(failed)?,
        ),
        UserStorePlace::Mysql(url) => Arc::new(
            match table {
                None if ignores_case => MysqlUserStore::connect_ignoring_case(url.expose()).await,
                None => MysqlUserStore::connect(url.expose()).await,
                Some(table) => MysqlUserStore::connect_existing(url.expose(), table).await,
            }
            .map_err(failed)?,
        ),
    })
}

/// Says in one line what to do.
fn could_not_open(setting: &str, place: impl fmt::Display, error: &AdapterError) -> StartError {
    StartError::new(format!(
        "{setting} ({place}): {}; fix that, or set {setting} (FAROE_{}) to another place",
        ErrorChain(error),
        setting.to_uppercase(),
    ))
}

/// Listens on an address. Returns the real one: port 0 takes a free port.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::because(format!("listen on {address}"), &error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
