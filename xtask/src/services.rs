//! The databases that tests need: found or started, and ended again.

mod containers;
pub(crate) mod install;
mod local;
mod tools;

use std::{
    cell::Cell,
    env,
    fs::File,
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use self::{containers::Engine, tools::Tools};
use crate::{
    guard::{Guarded, Order},
    workspace,
};

/// A database that tests can need.
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
    /// Returns the name in the compose file, on the command line and of the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
        }
    }

    /// Returns the environment variable that tells tests the URL.
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

    /// Returns the number of ports: one for each node, and a second one of Redis, for TLS.
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

    /// Returns the URL of a service that was started here, with a user that may do everything.
    fn url(self, ports: &[u16]) -> String {
        let port = ports[0];
        match self {
            Self::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Self::MariaDb => format!("mysql://root@127.0.0.1:{port}/faroe"),
            Self::Redis | Self::RedisCluster => format!("redis://127.0.0.1:{port}"),
        }
    }

    /// Returns the file for the output of a service, or of one test's own service.
    pub(crate) fn log(self, test: Option<&str>) -> Result<PathBuf> {
        let test = test.map_or(String::new(), |test| format!("-{test}"));
        let log = format!("test-services/{}{test}.log", self.name());
        Ok(workspace::target_directory()?.join(log))
    }
}

/// A service that is ready.
#[derive(Debug)]
pub(crate) struct Available {
    pub(crate) service: Service,
    pub(crate) url: String,
    /// The name and version, such as `postgres 17.6`.
    pub(crate) version: String,
    /// The place it is from, such as `container`.
    pub(crate) origin: String,
    /// The processes, which end when this is dropped; none if the service was not started here.
    start: Option<Start>,
}

/// The way to get a service.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish<'a> {
    pub(crate) no_install: bool,
    /// The only test that uses the service.
    pub(crate) test: Option<&'a str>,
}

/// Finds a service in the environment, or starts it in a container or from local programs, which it installs if necessary.
pub(crate) fn obtain(service: Service, wish: Wish<'_>) -> Result<Available> {
    if let Ok(url) = env::var(service.variable()) {
        return Ok(Available {
            service,
            url,
            version: service.name().to_owned(),
            origin: service.variable().to_owned(),
            start: None,
        });
    }
    if let Some(engine) = Engine::find() {
        match Start::containers(service, wish.test, &engine) {
            Ok(available) => return Ok(available),
            Err(error) => eprintln!("note: {error:#}; looking for a local server instead"),
        }
    }
    let programs = install::provide(
        || local::Programs::find(service),
        &[service.debian_package()],
        !wish.no_install,
        &hint(service),
    )?;
    Start::local(service, wish.test, &programs)
}

impl Available {
    /// Kills the service, or the first node of a cluster on this machine, and waits until it is gone.
    fn kill(&self) -> Result<()> {
        let (start, deadline) = (self.start()?, Instant::now() + RESTART_LIMIT);
        start.order(Order::Kill)?;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, start.ports[0])).is_ok() {
            ensure!(Instant::now() < deadline, "the service does not end");
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Starts the killed service again, in the same place with the same data, and waits until it is ready.
    fn restart(&self) -> Result<()> {
        let (start, deadline) = (self.start()?, Instant::now() + RESTART_LIMIT);
        loop {
            // The remains of the killed server may keep it from starting for moments.
            start.order(Order::Start)?;
            match start.check() {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    fn start(&self) -> Result<&Start> {
        let origin = &self.origin;
        let start = self.start.as_ref();
        start.with_context(|| format!("a service from {origin} cannot be killed"))
    }
}

/// The pause between two checks of a service.
const PAUSE: Duration = Duration::from_millis(20);

/// The most time that killing or starting may take.
const RESTART_LIMIT: Duration = Duration::from_secs(60);

fn hint(service: Service) -> String {
    format!(
        "{} is missing; start Docker, run `sudo apt-get install {}`, or set {}",
        service.name(),
        service.debian_package(),
        service.variable(),
    )
}

/// The processes of a service.
#[derive(Debug)]
struct Start {
    service: Service,
    ports: Vec<u16>,
    log: PathBuf,
    tools: Tools,
    guards: Vec<Guarded>,
    /// Set once the nodes of a cluster know each other.
    is_joined: Cell<bool>,
}

impl Start {
    fn new(
        service: Service,
        test: Option<&str>,
        tools: impl FnOnce(&[u16]) -> Tools,
    ) -> Result<Self> {
        let log = service.log(test)?;
        std::fs::create_dir_all(log.parent().expect("a log is in a folder"))?;
        File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let ports = free_ports(service.ports())?;
        Ok(Self {
            service,
            tools: tools(&ports[..service.nodes()]),
            ports,
            log,
            guards: Vec::new(),
            is_joined: Cell::new(false),
        })
    }

    fn containers(service: Service, test: Option<&str>, engine: &Engine) -> Result<Available> {
        let mut start = Self::new(service, test, |ports| engine.tools(service, ports))?;
        let name = service.name();
        eprintln!("starting {name} in a container; the first start downloads its image");
        let guard = Guarded::start(&engine.charge(service), |command| {
            for (index, port) in start.ports.iter().enumerate() {
                command.env(format!("FAROE_PORT_{}", index + 1), port.to_string());
            }
            start.log_to_file(command);
        })?;
        start.guards.push(guard);
        start.ready(Duration::from_secs(15 * 60), "container")
    }

    fn local(
        service: Service,
        test: Option<&str>,
        programs: &local::Programs,
    ) -> Result<Available> {
        let mut start = Self::new(service, test, |ports| programs.tools(ports))?;
        let server = programs.server.display();
        eprintln!("starting {} from {server}", service.name());
        for index in 0..service.nodes() {
            let node = programs.node(service, start.ports[index])?;
            let tls_port = start.ports.get(index + 1).copied().unwrap_or_default();
            let guard = Guarded::start(&node.charge, |command| {
                command
                    .current_dir(&node.folder)
                    .envs(node.environment.iter().cloned())
                    .env("TLS_PORT", tls_port.to_string());
                start.log_to_file(command);
            })?;
            start.guards.push(guard);
        }
        start.ready(Duration::from_secs(2 * 60), "local")
    }

    fn log_to_file(&self, command: &mut Command) {
        let open = || File::options().append(true).open(&self.log);
        if let (Ok(output), Ok(errors)) = (open(), open()) {
            command.stdout(output).stderr(errors);
        }
    }

    /// Waits until the service is ready.
    fn ready(mut self, limit: Duration, origin: &str) -> Result<Available> {
        let (name, log) = (self.service.name(), self.log.display().to_string());
        let deadline = Instant::now() + limit;
        while let Err(error) = self.check() {
            let has_ended = self.guards.iter_mut().any(|guard| guard.ended().is_some());
            ensure!(!has_ended, "{name} ended at once; see {log}");
            if Instant::now() > deadline {
                return Err(error.context(format!("{name} is not ready; see {log}")));
            }
            thread::sleep(PAUSE);
        }
        Ok(Available {
            service: self.service,
            url: self.service.url(&self.ports),
            version: self.tools.version(self.service)?,
            origin: origin.to_owned(),
            start: Some(self),
        })
    }

    /// Gives an order to the guard, or to the guard of the first node of a cluster on this machine.
    fn order(&self, order: Order) -> Result<()> {
        let guard = self.guards.first().context("a service without a guard")?;
        guard.order(order)
    }

    /// Fails until the service is ready.
    fn check(&self) -> Result<()> {
        self.tools.check(self.service)?;
        if self.service == Service::RedisCluster {
            if !self.is_joined.get() {
                self.tools.join_cluster()?;
                self.is_joined.set(true);
            }
            self.tools.check_cluster()?;
        }
        Ok(())
    }
}

/// Returns free ports of the loopback address whose cluster bus ports (10000 above) are free as well.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let (mut free, mut others) = (Vec::new(), Vec::new());
    while free.len() < count {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
        let port = listener.local_addr()?.port();
        let bus = port
            .checked_add(10_000)
            .map(|bus| TcpListener::bind((Ipv4Addr::LOCALHOST, bus)));
        match bus {
            Some(Ok(bus)) => free.push((port, [listener, bus])),
            // Kept open, so that the system does not offer it again.
            _ => others.push(listener),
        }
    }
    Ok(free.into_iter().map(|(port, _)| port).collect())
}

/// Options of `cargo xtask services`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Services to start [default: all].
    services: Vec<Service>,
    /// Install no packages.
    #[arg(long)]
    no_install: bool,
    /// Start them for this test alone: `kill NAME` and `start NAME` on standard input kill and start one, and the end of
    /// standard input ends all.
    #[arg(long = "for", value_name = "TEST")]
    test: Option<String>,
}

/// Starts services, and ends them when it is interrupted.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
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
    eprintln!("\nPress Ctrl-C to end them.");
    loop {
        thread::park();
    }
}

/// Follows the orders on standard input, and confirms each.
fn serve(available: &[Available]) -> Result<ExitCode> {
    println!("ready");
    for line in io::stdin().lines() {
        let line = line.context("read an order")?;
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
