//! The databases that tests need: found or started, and ended again.

mod containers;
pub(crate) mod install;
mod local;
mod probe;

use std::{
    env,
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::containers::Engine;
use crate::{
    guard::{self, Guarded},
    workspace,
};

/// What tests can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    Postgres,
    #[value(name = "mariadb")]
    MariaDb,
    Redis,
    /// Three nodes.
    RedisCluster,
}

impl Service {
    /// Its name in the compose file, on the command line and of its log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
        }
    }

    /// The environment variable that tells tests its URL.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "FAROE_TEST_POSTGRES_URL",
            Self::MariaDb => "FAROE_TEST_MYSQL_URL",
            Self::Redis => "FAROE_TEST_REDIS_URL",
            Self::RedisCluster => "FAROE_TEST_REDIS_CLUSTER_URL",
        }
    }

    fn debian_package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::MariaDb => "mariadb-server",
            Self::Redis | Self::RedisCluster => "redis-server",
        }
    }

    fn nodes(self) -> usize {
        match self {
            Self::RedisCluster => 3,
            Self::Postgres | Self::MariaDb | Self::Redis => 1,
        }
    }

    /// The URL of one that we started: its user may do everything, and of a cluster any node will do.
    fn url(self, ports: &[u16]) -> String {
        let port = ports[0];
        match self {
            Self::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Self::MariaDb => format!("mysql://root@127.0.0.1:{port}/faroe"),
            Self::Redis | Self::RedisCluster => format!("redis://127.0.0.1:{port}"),
        }
    }

    /// Where its output goes, one file for each start.
    pub(crate) fn log(self) -> Result<PathBuf> {
        Ok(workspace::target_directory()?.join(format!("test-services/{}.log", self.name())))
    }
}

/// A service that answers.
#[derive(Debug)]
pub(crate) struct Available {
    pub(crate) service: Service,
    pub(crate) url: String,
    /// What it is, as it says itself, such as `PostgreSQL 17.6`.
    pub(crate) version: String,
    /// Where it is from, for people.
    pub(crate) origin: String,
    /// What ends when this is dropped.
    _guards: Vec<Guarded>,
}

/// Finds a service in the environment, or starts it in a container or from local programs, installing them if need be.
pub(crate) fn obtain(service: Service, may_install: bool) -> Result<Available> {
    if let Ok(url) = env::var(service.variable()) {
        let version = probe::version(service, &url)
            .unwrap_or_else(|_| format!("{} of unknown version", service.name()));
        return Ok(Available {
            service,
            url,
            version,
            origin: service.variable().to_owned(),
            _guards: Vec::new(),
        });
    }
    if let Some(engine) = Engine::find() {
        match Start::new(service)?.containers(&engine) {
            Ok(available) => return Ok(available),
            Err(error) => println!("note: {error:#}; looking for a local server instead"),
        }
    }
    let programs = install::provide(
        || local::Programs::find(service),
        &[service.debian_package()],
        may_install,
        &mend(service),
    )?;
    Start::new(service)?.local(&programs)
}

fn mend(service: Service) -> String {
    format!(
        "{} is not there: start Docker, or run `sudo apt-get install {}`, or set {}",
        service.name(),
        service.debian_package(),
        service.variable(),
    )
}

/// A service on its way.
#[derive(Debug)]
struct Start {
    service: Service,
    ports: Vec<u16>,
    log: PathBuf,
    guards: Vec<Guarded>,
}

impl Start {
    fn new(service: Service) -> Result<Self> {
        let log = service.log()?;
        std::fs::create_dir_all(log.parent().expect("a log is in a folder"))?;
        File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        Ok(Self {
            service,
            ports: free_ports(service.nodes())?,
            log,
            guards: Vec::new(),
        })
    }

    fn containers(mut self, engine: &Engine) -> Result<Available> {
        println!(
            "starting {} in a container; the first time its image is fetched",
            self.service.name()
        );
        let guard = Guarded::start(&engine.charge(self.service), |command| {
            for (index, port) in self.ports.iter().enumerate() {
                command.env(format!("FAROE_PORT_{}", index + 1), port.to_string());
            }
            self.log_to_file(command);
        })?;
        self.guards.push(guard);
        self.ready(Duration::from_secs(15 * 60), "container")
    }

    fn local(mut self, programs: &local::Programs) -> Result<Available> {
        println!(
            "starting {} from {}",
            self.service.name(),
            programs.server.display()
        );
        for port in self.ports.clone() {
            let node = programs.node(self.service)?;
            let guard = Guarded::start(&node.charge, |command| {
                command
                    .current_dir(&node.folder)
                    .envs(node.environment.iter().cloned())
                    .env("PORT", port.to_string());
                self.log_to_file(command);
            })?;
            self.guards.push(guard);
        }
        self.ready(Duration::from_secs(2 * 60), "local")
    }

    fn log_to_file(&self, command: &mut Command) {
        let open = || File::options().append(true).open(&self.log);
        if let (Ok(output), Ok(errors)) = (open(), open()) {
            command.stdout(output).stderr(errors);
        }
    }

    /// Waits until the service answers.
    fn ready(mut self, limit: Duration, origin: &str) -> Result<Available> {
        let (name, log) = (self.service.name(), self.log.display().to_string());
        let deadline = Instant::now() + limit;
        let mut is_joined = false;
        let version = loop {
            match self.answer(&mut is_joined) {
                Ok(version) => break version,
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context(format!("{name} does not answer; see {log}")));
                }
                Err(_) if self.guards.iter_mut().any(|guard| guard.ended().is_some()) => {
                    bail!("{name} ended at once; see {log}");
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        };
        let url = self.service.url(&self.ports);
        Ok(Available {
            service: self.service,
            url,
            version,
            origin: origin.to_owned(),
            _guards: self.guards,
        })
    }

    fn answer(&self, is_joined: &mut bool) -> Result<String> {
        let urls = self.ports.iter().map(|port| self.service.url(&[*port]));
        let versions: Vec<_> = urls
            .map(|url| probe::version(self.service, &url))
            .collect::<Result<_>>()?;
        if self.service == Service::RedisCluster {
            if !*is_joined {
                probe::join_cluster(&self.ports)?;
                *is_joined = true;
            }
            probe::check_cluster(&self.ports)?;
        }
        versions
            .into_iter()
            .next()
            .context("a service without nodes")
    }
}

/// Free ports of the loopback address, whose cluster bus ports (10000 above) are free as well.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let (mut free, mut others) = (Vec::new(), Vec::new());
    while free.len() < count {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("found no free port")?;
        let port = listener.local_addr()?.port();
        let bus = port
            .checked_add(10_000)
            .map(|bus| TcpListener::bind((Ipv4Addr::LOCALHOST, bus)));
        match bus {
            Some(Ok(bus)) => free.push((port, [listener, bus])),
            // Held, so that it is not offered again.
            _ => others.push(listener),
        }
    }
    Ok(free.into_iter().map(|(port, _)| port).collect())
}

/// What `cargo xtask services` is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which services (default: all).
    services: Vec<Service>,
    /// Install nothing.
    #[arg(long)]
    no_install: bool,
}

/// Starts services until it is interrupted.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    guard::end_all_on_interrupt()?;
    let wanted = if options.services.is_empty() {
        Service::value_variants()
    } else {
        &options.services
    };
    let available: Vec<_> = wanted
        .iter()
        .map(|service| obtain(*service, !options.no_install))
        .collect::<Result<_>>()?;
    println!();
    for one in &available {
        println!(
            "export {}={} # {}",
            one.service.variable(),
            one.url,
            one.version
        );
    }
    println!("\nCtrl-C ends them.");
    loop {
        thread::park();
    }
}
