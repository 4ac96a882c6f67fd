//! A service's own tools, which tell whether it is ready.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::Service;

/// The tools of a service, on this machine or inside its container.
#[derive(Debug)]
pub(super) struct Tools {
    /// The words before each command, which run it inside a container.
    pub(super) prefix: Vec<String>,
    /// The server program.
    pub(super) server: String,
    /// The program that asks the server whether it is ready.
    pub(super) client: String,
    /// The ports of the nodes, as the tools reach them.
    pub(super) ports: Vec<String>,
}

impl Tools {
    /// Returns the service's name and the server's version, such as `redis 7.0.15`.
    pub(super) fn version(&self, service: Service) -> Result<String> {
        let text = self.run(&self.server, &["--version"])?;
        let number = number(&text).with_context(|| format!("find a version in {text:?}"))?;
        Ok(format!("{} {number}", service.name()))
    }

    /// Fails until every node accepts connections.
    pub(super) fn check(&self, service: Service) -> Result<()> {
        for port in &self.ports {
            match service {
                Service::Postgres => {
                    let place = ["--host=127.0.0.1", "--username=postgres", "--port", port];
                    self.run(&self.client, &place)?;
                }
                Service::MariaDb => {
                    let place = ["--host=127.0.0.1", "--user=root", "--port", port];
                    let start = ["--no-defaults", "--skip-ssl"];
                    self.run(&self.client, &[&start[..], &place, &["ping"]].concat())?;
                }
                Service::Redis | Service::RedisCluster => {
                    let answer = self.run(&self.client, &["-p", port, "ping"])?;
                    ensure!(answer.trim() == "PONG", "redis answers {answer}");
                }
            }
        }
        Ok(())
    }

    /// Makes the nodes one cluster.
    pub(super) fn join_cluster(&self) -> Result<()> {
        let nodes = self.ports.iter().map(|port| format!("127.0.0.1:{port}"));
        let nodes: Vec<_> = nodes.collect();
        let mut words = vec!["--cluster", "create", "--cluster-yes"];
        words.extend(nodes.iter().map(String::as_str));
        self.run(&self.client, &words)?;
        Ok(())
    }

    /// Fails until every node serves, and sees that all others do.
    pub(super) fn check_cluster(&self) -> Result<()> {
        for port in &self.ports {
            let info = self.run(&self.client, &["-p", port, "cluster", "info"])?;
            for expected in ["cluster_state:ok", "cluster_slots_ok:16384"] {
                let says_so = info.lines().any(|line| line == expected);
                ensure!(says_so, "node {port} does not say {expected}");
            }
        }
        Ok(())
    }

    /// Runs a tool, and returns what it prints.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut words = self.prefix.iter().map(OsStr::new).chain([program.as_ref()]);
        let mut command = Command::new(words.next().context("a tool has a name")?);
        command.args(words).args(arguments).stdin(Stdio::null());
        let output = command.output().with_context(|| format!("run {program}"))?;
        ensure!(
            output.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Returns the first version number in a text, without the distribution's own part.
fn number(text: &str) -> Option<&str> {
    let mut words = text
        .split_whitespace()
        .map(|word| word.trim_start_matches("v="));
    let version = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    version.split('-').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_servers_say() {
        for (text, expected) in [
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                "15.18",
            ),
            (
                "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu",
                "10.11.19",
            ),
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc",
                "7.0.15",
            ),
        ] {
            assert_eq!(number(text), Some(expected));
        }
    }
}
