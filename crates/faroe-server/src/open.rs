//! Opens the adapters that the configuration names.

pub(crate) mod email;
mod patience;
mod remote_users;
pub(crate) mod users;

use std::{fmt, fs, io, net::SocketAddr, path::Path, sync::Arc};

use faroe_core::{
    Storages,
    error::{AdapterError, ErrorChain},
    storage::{Cache, MainStorage, RateLimitStorage, Storage, namespace},
    time::SystemClock,
};
use faroe_storage_memory::{MemoryCache, MemoryMainStorage, MemoryRateLimitStorage};
use faroe_storage_mysql::MysqlStorage;
use faroe_storage_postgres::PostgresStorage;
use faroe_storage_redis::{Redis, RedisCache, RedisRateLimitStorage, RedisStorage};
use faroe_storage_sqlite::SqliteStorage;
use tokio::{net::TcpListener, time::Instant};

pub(crate) use self::patience::Patience;
use self::users::Users;
use crate::{
    StartError,
    configuration::{Named, Settings, StoragePlace},
    role::Role,
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

/// Everything that keeps data, open.
pub(crate) struct Open {
    pub(crate) storages: Storages,
    pub(crate) users: Users,
    /// The roles that can fail. Memory cannot.
    pub(crate) roles: Vec<Role>,
}

/// Opens the storages of all roles and the user store. A place that has several roles is opened once.
pub(crate) async fn everything(settings: &Settings) -> Result<Open, StartError> {
    let main = settings.main_storage_place();
    let rate_limit = settings.rate_limit_storage_place();
    let patience = Patience::until(Instant::now() + settings.start_timeout);
    let main_storage = Backend::open(&main, patience).await?;
    let rate_limit_storage = if main.place == rate_limit.place {
        main_storage.clone()
    } else {
        Backend::open(&rate_limit, patience).await?
    };
    let cache = match settings.cache_place() {
        None => None,
        Some(cache) if cache.place == main.place => Some(main_storage.clone()),
        Some(cache) if cache.place == rate_limit.place => Some(rate_limit_storage.clone()),
        Some(cache) => Some(Backend::open(&cache, patience).await?),
    };
    let users = users::open(settings, patience).await?;
    let can_fail = [
        main_storage.can_fail(),
        rate_limit_storage.can_fail(),
        cache.as_ref().is_some_and(Backend::can_fail),
        true,
    ];
    let mut storages = Storages::new(main_storage.main(), rate_limit_storage.rate_limit());
    storages.cache = cache.map(Backend::cache);
    let roles = [
        Some(Role::MainStorage(Arc::clone(&storages.main))),
        Some(Role::RateLimitStorage(Arc::clone(&storages.rate_limit))),
        storages.cache.clone().map(Role::Cache),
        Some(Role::UserStore(users.clone())),
    ];
    let roles = roles.into_iter().zip(can_fail);
    let roles = roles.filter_map(|(role, can_fail)| role.filter(|_| can_fail));
    Ok(Open {
        roles: roles.collect(),
        storages,
        users,
    })
}

/// A storage that is open and can take any role.
#[derive(Clone)]
pub(crate) enum Backend {
    Memory,
    Storage(Arc<dyn Storage>),
    Redis(Redis),
}

impl Backend {
    pub(crate) async fn open(
        named: &Named<StoragePlace>,
        patience: Patience,
    ) -> Result<Self, StartError> {
        patience.open(named, || Self::open_once(&named.place)).await
    }

    async fn open_once(place: &StoragePlace) -> Result<Self, AdapterError> {
        Ok(match place {
            StoragePlace::Memory => Self::Memory,
            StoragePlace::Sqlite(path) => Self::storage(SqliteStorage::connect(path).await?),
            StoragePlace::Postgres(url) => {
                Self::storage(PostgresStorage::connect(url.expose()).await?)
            }
            StoragePlace::Mysql(url) => Self::storage(MysqlStorage::connect(url.expose()).await?),
            StoragePlace::Redis(url) => Self::Redis(Redis::connect(url.expose()).await?),
        })
    }

    fn can_fail(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    fn storage(storage: impl Storage) -> Self {
        Self::Storage(Arc::new(storage))
    }

    pub(crate) fn main(self) -> Arc<dyn MainStorage> {
        let storage: Arc<dyn Storage> = match self {
            Self::Memory => return Arc::new(MemoryMainStorage::default()),
            Self::Storage(storage) => storage,
            Self::Redis(redis) => Arc::new(RedisStorage::new(redis)),
        };
        Arc::new(namespace::main(storage))
    }

    pub(crate) fn rate_limit(self) -> Arc<dyn RateLimitStorage> {
        match self {
            Self::Memory => Arc::new(MemoryRateLimitStorage::default()),
            Self::Storage(storage) => Arc::new(namespace::rate_limit(storage)),
            Self::Redis(redis) => Arc::new(RedisRateLimitStorage::new(redis)),
        }
    }

    pub(crate) fn cache(self) -> Arc<dyn Cache> {
        match self {
            Self::Memory => Arc::new(MemoryCache::default()),
            Self::Storage(storage) => Arc::new(namespace::cache(storage, Arc::new(SystemClock))),
            Self::Redis(redis) => Arc::new(RedisCache::new(redis)),
        }
    }
}

/// Says in one line what to do.
pub(crate) fn could_not_use(named: &Named<impl fmt::Display>, error: &AdapterError) -> StartError {
    let Named { setting, place } = named;
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
