//! How much of the speed of each driver is left for the storages.

mod memory;
mod mysql;
mod postgres;
mod redis;
mod sqlite;
mod worker;

use std::{env, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use faroe_core::{ServerOptions, Storages, storage::Storage, time::SystemClock};
use faroe_storage_memory::MemoryStorage;
use faroe_storage_mysql::MysqlStorage;
use faroe_storage_postgres::PostgresStorage;
use faroe_storage_redis::{Redis, RedisStorage};
use faroe_storage_sqlite::SqliteStorage;
use faroe_testkit::hasher::CountingHasher;

use self::worker::{Adapter, Operation, Place, Worker};
use crate::{
    embedded,
    rounds::{Rounds, verdict},
};

/// Calls per second, as a part of the driver's.
const BAR: f64 = 0.9;
/// The same for the action.
const GET_SESSION_BAR: f64 = 0.85;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which storages (default: all).
    #[arg(long, num_args = 1.., value_name = "NAME")]
    only: Vec<Backend>,
    /// How often each is measured.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Seconds of each round.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// How many tasks call at once.
    #[arg(long, default_value_t = 16)]
    tasks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    Memory,
    Sqlite,
    Postgres,
    Mysql,
    Redis,
    RedisCluster,
}

/// Measures one storage after the other. The databases are those that the environment names.
#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    println!(
        "calls per second of {} tasks at once, and what each call takes of the CPU time of this process\n\n\
         storage        operation     adapter    driver  ratio    CPU of adapter   of driver",
        options.tasks
    );
    let mut is_met = true;
    for backend in Backend::value_variants() {
        if options.only.is_empty() || options.only.contains(backend) {
            is_met &= backend.measure(options).await?;
        }
    }
    println!(
        "\nratios of medians: the bars of {BAR}, and of {GET_SESSION_BAR} for get_session, are {}",
        verdict(is_met)
    );
    Ok(())
}

impl Backend {
    fn name(self) -> String {
        let name = self.to_possible_value().expect("no storage is skipped");
        name.get_name().to_owned()
    }

    fn url(self) -> Result<String> {
        let name = self.name().to_uppercase().replace('-', "_");
        let variable = format!("FAROE_TEST_{name}_URL");
        env::var(&variable).with_context(|| format!("{variable} is not set"))
    }

    async fn measure(self, options: &Options) -> Result<bool> {
        match self {
            Self::Memory => {
                let (storage, map) = (Arc::new(MemoryStorage::default()), Arc::default());
                let driver = |place| Ok(memory::Driver::new(&map, place));
                compare(self, storage, driver, options).await
            }
            Self::Sqlite => {
                let folder = tempfile::tempdir()?;
                let file = folder.path().join("bench.sqlite3");
                let storage = Arc::new(SqliteStorage::connect(&file).await?);
                let connections = sqlite::Connections::open(&file, options.tasks)?;
                let driver = |place| {
                    let connections = Arc::clone(&connections);
                    Ok(sqlite::Driver { connections, place })
                };
                compare(self, storage, driver, options).await
            }
            Self::Postgres => {
                let database = faroe_postgres::Database::connect(&self.url()?).await?;
                let pool = database.pool().clone();
                let storage = PostgresStorage::new(database, Arc::new(SystemClock)).await?;
                let driver = |place| {
                    Ok(postgres::Driver {
                        pool: pool.clone(),
                        place,
                    })
                };
                compare(self, Arc::new(storage), driver, options).await
            }
            Self::Mysql => {
                let database = faroe_mysql::Database::connect(&self.url()?).await?;
                let pool = database.pool().clone();
                let storage = MysqlStorage::new(database, Arc::new(SystemClock)).await?;
                let driver = |place| {
                    Ok(mysql::Driver {
                        pool: pool.clone(),
                        place,
                    })
                };
                compare(self, Arc::new(storage), driver, options).await
            }
            Self::Redis => {
                let url = self.url()?;
                let storage = RedisStorage::new(Redis::connect(&url).await?);
                let client = ::redis::Client::open(redis::node(&url)?)?;
                let connection = client.get_multiplexed_async_connection().await?;
                let driver = |place| Ok(redis::Driver::new(&connection, place));
                compare(self, Arc::new(storage), driver, options).await
            }
            Self::RedisCluster => {
                let url = self.url()?;
                let cluster = url.replacen("redis://", "redis+cluster://", 1);
                let storage = RedisStorage::new(Redis::connect(&cluster).await?);
                let client = ::redis::cluster::ClusterClient::builder([url])
                    .tcp_settings(redis::tcp_settings())
                    .build()?;
                let connection = client.get_async_connection().await?;
                let driver = |place| Ok(redis::Driver::new(&connection, place));
                compare(self, Arc::new(storage), driver, options).await
            }
        }
    }
}

/// Measures the operations of a storage and of its driver in turns, and tells whether the bar is met.
async fn compare<W: Worker>(
    backend: Backend,
    storage: Arc<dyn Storage>,
    driver: impl Fn(Place) -> Result<W>,
    options: &Options,
) -> Result<bool> {
    let hasher = Arc::new(CountingHasher::new("counting"));
    let storages = Storages::single(Arc::clone(&storage));
    let server = embedded::server(hasher, storages, ServerOptions::default()).await?;
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
    let mut is_met = true;
    let mut operations = vec![(Operation::Get, BAR), (Operation::Update, BAR)];
    // Where a call goes over a network, it is what an action takes its time for.
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
            cost.push(thing.microseconds_of_cpu, yardstick.microseconds_of_cpu);
        }
        let (thing, yardstick, ratio) = speed.summary();
        let (cost, cost_of_driver, _) = cost.summary();
        println!(
            "{:<14} {operation:<11} {thing:>9.0} {yardstick:>9.0}  {ratio:>5.3}  {cost:>13.1} µs {cost_of_driver:>8.1} µs",
            backend.name(),
        );
        is_met &= ratio >= bar;
    }
    Ok(is_met)
}
