//! The speed of the storages, compared with their drivers.

mod memory;
mod mysql;
mod postgres;
mod redis;
mod sqlite;
mod worker;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use clap::Args;
use faroe_core::{ServerOptions, Storages, storage::Storage, time::SystemClock};
use faroe_storage_memory::MemoryStorage;
use faroe_storage_mysql::MysqlStorage;
use faroe_storage_postgres::PostgresStorage;
use faroe_storage_redis::{Redis, RedisStorage};
use faroe_storage_sqlite::SqliteStorage;
use faroe_testkit::hasher::CountingHasher;
use faroe_user_store_sqlite::SqliteUserStore;

use self::worker::{Adapter, Operation, Place, Worker};
use crate::{
    backend::Backend,
    embedded,
    report::{Bar, Report, Unit},
    rounds::Rounds,
};

/// Calls per second relative to the driver.
const BAR: Bar = Bar::AtLeast(0.9);
/// The same for the action `get_session`.
const GET_SESSION_BAR: Bar = Bar::AtLeast(0.85);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Storages.
    #[arg(long, num_args = 1.., required = true, value_name = "NAME")]
    storage: Vec<Backend>,
    /// Number of rounds.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Seconds per round.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Number of tasks that call at once.
    #[arg(long, default_value_t = 16)]
    tasks: usize,
}

/// Measures one storage after the other, on the databases from the environment.
#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = format!(
        "Calls per second of {} concurrent tasks, relative to the driver, and the CPU time of this process per call.",
        options.tasks
    );
    let mut report = Report::new("storage", &about);
    for backend in &options.storage {
        measure(*backend, options, &mut report).await?;
    }
    report.finish()?;
    Ok(())
}

async fn measure(backend: Backend, options: &Options, report: &mut Report) -> Result<()> {
    match backend {
        Backend::Memory => {
            let (storage, map) = (Arc::new(MemoryStorage::default()), Arc::default());
            let driver = |place| Ok(memory::Driver::new(&map, place));
            compare(backend, storage, driver, options, report).await
        }
        Backend::Sqlite => {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("bench.sqlite3");
            let storage = Arc::new(SqliteStorage::connect(&file).await?);
            let connections = sqlite::Connections::open(&file, options.tasks)?;
            let driver = |place| {
                let connections = Arc::clone(&connections);
                Ok(sqlite::Driver { connections, place })
            };
            compare(backend, storage, driver, options, report).await
        }
        Backend::Postgres => {
            let database = faroe_postgres::Database::connect(&backend.url()?).await?;
            let pool = database.pool().clone();
            let storage = PostgresStorage::new(database, Arc::new(SystemClock)).await?;
            let driver = |place| {
                Ok(postgres::Driver {
                    pool: pool.clone(),
                    place,
                })
            };
            compare(backend, Arc::new(storage), driver, options, report).await
        }
        Backend::Mysql => {
            let database = faroe_mysql::Database::connect(&backend.url()?).await?;
            let pool = database.pool().clone();
            let storage = MysqlStorage::new(database, Arc::new(SystemClock)).await?;
            let driver = |place| {
                Ok(mysql::Driver {
                    pool: pool.clone(),
                    place,
                })
            };
            compare(backend, Arc::new(storage), driver, options, report).await
        }
        Backend::Redis => {
            let url = backend.url()?;
            let storage = RedisStorage::new(Redis::connect(&url).await?);
            let client = ::redis::Client::open(redis::node(&url)?)?;
            let connection = client.get_multiplexed_async_connection().await?;
            let driver = |place| Ok(redis::Driver::new(&connection, place));
            compare(backend, Arc::new(storage), driver, options, report).await
        }
        Backend::RedisCluster => {
            let storage = RedisStorage::new(Redis::connect(&backend.storage()?).await?);
            let client = ::redis::cluster::ClusterClient::builder([backend.url()?])
                .tcp_settings(redis::tcp_settings())
                .build()?;
            let connection = client.get_async_connection().await?;
            let driver = |place| Ok(redis::Driver::new(&connection, place));
            compare(backend, Arc::new(storage), driver, options, report).await
        }
    }
}

/// Measures the operations of a storage and of its driver alternately.
async fn compare<W: Worker>(
    backend: Backend,
    storage: Arc<dyn Storage>,
    driver: impl Fn(Place) -> Result<W>,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let hasher = Arc::new(CountingHasher::new("counting"));
    let storages = Storages::single(Arc::clone(&storage));
    let folder = tempfile::tempdir()?;
    let users = SqliteUserStore::connect(folder.path().join("users.sqlite3")).await?;
    let server = embedded::server(hasher, storages, users, ServerOptions::default()).await?;
    let (mut adapters, mut drivers) = (Vec::new(), Vec::new());
    for _ in 0..options.tasks {
        let place = Place::add_to(&*storage).await?;
        drivers.push(driver(place)?);
        adapters.push(Adapter {
            storage: Arc::clone(&storage),
            place: Place::add_to(&*storage).await?,
            server: server.clone(),
            session_token: embedded::sign_in(&server).await?,
        });
    }
    let time = Duration::from_secs_f64(options.seconds);
    let mut operations = vec![(Operation::Get, BAR), (Operation::Update, BAR)];
    // Over a network, the call takes most of an action's time.
    if !matches!(backend, Backend::Memory | Backend::Sqlite) {
        operations.push((Operation::GetSession, GET_SESSION_BAR));
    }
    for (operation, bar) in operations {
        worker::run(&mut adapters, operation, time / 2).await?;
        worker::run(&mut drivers, operation, time / 2).await?;
        let (mut speed, mut cost) = (Rounds::default(), Rounds::default());
        for _ in 0..options.rounds {
            let thing = worker::run(&mut adapters, operation, time).await?;
            let yardstick = worker::run(&mut drivers, operation, time).await?;
            speed.push(thing.per_second, yardstick.per_second);
            cost.push(thing.seconds_of_cpu, yardstick.seconds_of_cpu);
        }
        let what = format!("{}, {operation}", backend.name());
        report.compare(&what, Unit::PerSecond, &speed, Some(bar));
        report.compare(&format!("{what}, CPU time"), Unit::Seconds, &cost, None);
    }
    Ok(())
}
