//! The databases that tests need: found or started, and ended again.

mod containers;
pub(crate) mod install;
mod local;
mod probe;

use std::{
    cell::Cell,
    env,
    fs::File,
    io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use self::containers::Engine;
use crate::{
    guard::{self, Guarded, Order},
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

    /// How many ports it takes: one for each node, and Redis speaks TLS on another one.
    fn ports(self) -> usize {
        match self {
            Self::RedisCluster => 3,
            Self::Redis => 2,
            Self::Postgres | Self::MariaDb => 1,
        }
    }

    fn nodes(self) -> usize {
        if self == Self::RedisCluster { 3 } else { 1 }
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

    /// Where its output goes, one file for each start; one test's own service has a file of its own.
    pub(crate) fn log(self, test: Option<&str>) -> Result<PathBuf> {
        let test = test.map_or(String::new(), |test| format!("-{test}"));
        let log = format!("test-services/{}{test}.log", self.name());
        Ok(workspace::target_directory()?.join(log))
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
    /// What ends when this is dropped; nothing of it is ours if there is none.
    start: Option<Start>,
}

/// How to get a service.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish<'a> {
    pub(crate) no_install: bool,
    /// The one test that the service is for.
    pub(crate) test: Option<&'a str>,
}

/// Finds a service in the environment, or starts it in a container or from local programs, installing them if need be.
pub(crate) fn obtain(service: Service, wish: Wish<'_>) -> Result<Available> {
    if let Ok(url) = env::var(service.variable()) {
        let version = probe::version(service, &url)
            .unwrap_or_else(|_| format!("{} of unknown version", service.name()));
        return Ok(Available {
            service,
            url,
            version,
            origin: service.variable().to_owned(),
            start: None,
        });
    }
    if let Some(engine) = Engine::find() {
        match Start::new(service, wish.test)?.containers(&engine) {
            Ok(available) => return Ok(available),
            Err(error) => eprintln!("note: {error:#}; looking for a local server instead"),
        }
    }
    let programs = install::provide(
        || local::Programs::find(service),
        &[service.debian_package()],
        !wish.no_install,
        &mend(service),
    )?;
    Start::new(service, wish.test)?.local(&programs)
}

impl Available {
    /// Kills the service, or of a cluster on this machine the first node, and waits until it is gone.
    fn kill(&self) -> Result<()> {
        let (start, deadline) = (self.start()?, Instant::now() + RESTART_LIMIT);
        start.order(Order::Kill)?;
        while probe::is_open(start.ports[0]) {
            ensure!(Instant::now() < deadline, "it cannot be killed");
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Starts what was killed, in the same place with the same data, and waits until it answers.
    fn restart(&self) -> Result<()> {
        let (start, deadline) = (self.start()?, Instant::now() + RESTART_LIMIT);
        loop {
            // What a server left behind may keep it from starting for moments.
            start.order(Order::Start)?;
            match start.answer() {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    fn start(&self) -> Result<&Start> {
        let origin = &self.origin;
        let start = self.start.as_ref();
        start.with_context(|| format!("what is from {origin} is not ours to kill"))
    }
}

/// Between two looks at a service.
const PAUSE: Duration = Duration::from_millis(20);

/// How long killing and starting may take.
const RESTART_LIMIT: Duration = Duration::from_secs(60);

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
    /// Of a cluster, whether the nodes know of each other.
    is_joined: Cell<bool>,
}

impl Start {
    fn new(service: Service, test: Option<&str>) -> Result<Self> {
        let log = service.log(test)?;
        std::fs::create_dir_all(log.parent().expect("a log is in a folder"))?;
        File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        Ok(Self {
            service,
            ports: free_ports(service.ports())?,
            log,
            guards: Vec::new(),
            is_joined: Cell::new(false),
        })
    }

    fn containers(mut self, engine: &Engine) -> Result<Available> {
        eprintln!(
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
        eprintln!(
            "starting {} from {}",
            self.service.name(),
            programs.server.display()
        );
        for index in 0..self.service.nodes() {
            let (node, port) = (programs.node(self.service)?, self.ports[index]);
            let tls_port = self.ports.get(index + 1).copied().unwrap_or_default();
            let guard = Guarded::start(&node.charge, |command| {
                command
                    .current_dir(&node.folder)
                    .envs(node.environment.iter().cloned())
                    .env("PORT", port.to_string())
                    .env("TLS_PORT", tls_port.to_string());
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
        let version = loop {
            match self.answer() {
                Ok(version) => break version,
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context(format!("{name} does not answer; see {log}")));
                }
                Err(_) if self.guards.iter_mut().any(|guard| guard.ended().is_some()) => {
                    bail!("{name} ended at once; see {log}");
                }
                Err(_) => thread::sleep(PAUSE),
            }
        };
        let url = self.service.url(&self.ports);
        Ok(Available {
            service: self.service,
            url,
            version,
            origin: origin.to_owned(),
            start: Some(self),
        })
    }

    /// Of a cluster on this machine, each node has a guard of its own; then the first one gets the order.
    fn order(&self, order: Order) -> Result<()> {
        let guard = self.guards.first().context("a service without a guard")?;
        guard.order(order)
    }

    fn answer(&self) -> Result<String> {
        let nodes = &self.ports[..self.service.nodes()];
        let urls = nodes.iter().map(|port| self.service.url(&[*port]));
        let versions: Vec<_> = urls
            .map(|url| probe::version(self.service, &url))
            .collect::<Result<_>>()?;
        if self.service == Service::RedisCluster {
            if !self.is_joined.get() {
                probe::join_cluster(nodes)?;
                self.is_joined.set(true);
            }
            probe::check_cluster(nodes)?;
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
    /// They are for this test alone: `kill NAME` and `start NAME` on standard input kill and start one, and the end of it
    /// ends them.
    #[arg(long = "for", value_name = "TEST")]
    test: Option<String>,
}

/// Starts services until it is interrupted.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    guard::end_all_on_interrupt()?;
    let wanted = if options.services.is_empty() {
        Service::value_variants()
    } else {
        &options.services
    };
    let wish = Wish {
        no_install: options.no_install,
        test: options.test.as_deref(),
    };
    let available: Vec<_> = wanted
        .iter()
        .map(|service| obtain(*service, wish))
        .collect::<Result<_>>()?;
    for one in &available {
        println!(
            "export {}={} # {}",
            one.service.variable(),
            one.url,
            one.version
        );
        if let (Service::Redis, Some(start)) = (one.service, &one.start) {
            println!("export FAROE_TEST_REDIS_TLS_PORT={}", start.ports[1]);
        }
    }
    if options.test.is_some() {
        return serve(&available);
    }
    eprintln!("\nCtrl-C ends them.");
    loop {
        thread::park();
    }
}

/// Carries out what is written to standard input, and says so.
fn serve(available: &[Available]) -> Result<ExitCode> {
    println!("ready");
    for line in io::stdin().lines() {
        let line = line.context("could not read what to do")?;
        let (order, name) = line.split_once(' ').unwrap_or((&line, ""));
        let one = available.iter().find(|one| one.service.name() == name);
        let one = one.with_context(|| format!("there is no service {name}"))?;
        match order {
            "kill" => one.kill()?,
            "start" => one.restart()?,
            _ => bail!("`{order}` is neither kill nor start"),
        }
        println!("done");
    }
    Ok(ExitCode::SUCCESS)
}
