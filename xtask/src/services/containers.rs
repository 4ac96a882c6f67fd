//! Services in containers, from `compose.yaml`.

use std::process::{Command, Stdio};

use super::{Service, tools::Tools};
use crate::{guard::Charge, workspace};

/// The compose command of a container engine that answers.
#[derive(Debug)]
pub(super) struct Engine {
    compose: &'static [&'static str],
}

impl Engine {
    pub(super) fn find() -> Option<Self> {
        let engines: [(&str, [&'static [&'static str]; 2]); 2] = [
            ("docker", [&["docker", "compose"], &["docker-compose"]]),
            ("podman", [&["podman", "compose"], &["podman-compose"]]),
        ];
        let (engine, composes) = engines
            .into_iter()
            .find(|(engine, _)| succeeds(&[engine, "info"]))?;
        let compose = composes
            .into_iter()
            .find(|compose| succeeds(&[compose, &["version"][..]].concat()));
        if compose.is_none() {
            println!("note: `{engine} compose` is not installed; continuing without containers");
        }
        Some(Self { compose: compose? })
    }

    /// Returns a charge that runs a service in the foreground, and removes all traces of it at the end.
    pub(super) fn charge(&self, service: Service) -> Charge {
        let words = |end: &[&str]| {
            let end = end.iter().map(|&word| word.to_owned());
            [self.compose(service), end.collect()].concat()
        };
        let of_words = |end: &[&str]| words(end).into_iter().map(Into::into).collect();
        Charge {
            stop: of_words(&["down", "--volumes", "--timeout", "2"]),
            kill: of_words(&["kill", "-s", "KILL", service.name()]),
            ..Charge::new(words(&["up", "--no-color", service.name()]))
        }
    }

    /// Returns the tools inside the container of a service with these ports outside.
    pub(super) fn tools(&self, service: Service, ports: &[u16]) -> Tools {
        let (server, client, port) = match service {
            Service::Postgres => ("postgres", "pg_isready", Some(5432)),
            Service::MariaDb => ("mariadbd", "mariadb-admin", Some(3306)),
            Service::Redis => ("redis-server", "redis-cli", Some(6379)),
            // Its nodes have the same ports inside and outside.
            Service::RedisCluster => ("redis-server", "redis-cli", None),
        };
        let mut prefix = self.compose(service);
        prefix.extend(["exec", "-T", service.name()].map(str::to_owned));
        let ports = port.map_or_else(|| ports.to_vec(), |port| vec![port]);
        Tools {
            prefix,
            server: server.to_owned(),
            client: client.to_owned(),
            ports: ports.iter().map(ToString::to_string).collect(),
        }
    }

    /// Returns the words before every compose command for a service.
    fn compose(&self, service: Service) -> Vec<String> {
        let file = workspace::root().join("xtask/compose.yaml");
        let project = format!("faroe-{}-{}", service.name(), std::process::id());
        let mut words: Vec<_> = self.compose.iter().map(|&word| word.to_owned()).collect();
        words.extend(["--project-name".to_owned(), project]);
        words.extend(["--file".to_owned(), file.display().to_string()]);
        words
    }
}

fn succeeds(command: &[&str]) -> bool {
    let mut process = Command::new(command[0]);
    process
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    process.status().is_ok_and(|status| status.success())
}
