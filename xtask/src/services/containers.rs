//! Services in containers, from `compose.yaml`.

use std::process::{Command, Stdio};

use super::Service;
use crate::{guard::Charge, workspace};

/// A container engine that answers, by its compose command.
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
            println!(
                "note: {engine} answers, but `{engine} compose` is not installed; doing without containers"
            );
        }
        Some(Self { compose: compose? })
    }

    /// Starts a service in the foreground, and removes all traces of it in the end.
    pub(super) fn charge(&self, service: Service) -> Charge {
        let file = workspace::root()
            .join("xtask/compose.yaml")
            .display()
            .to_string();
        let project = format!("faroe-{}-{}", service.name(), std::process::id());
        let compose: Vec<&str> =
            [self.compose, &["--project-name", &project, "--file", &file]].concat();
        let up = [&compose, &["up", "--no-color", service.name()][..]].concat();
        let kill = [&compose, &["kill", "-s", "KILL", service.name()][..]].concat();
        let down = [&compose, &["down", "--volumes", "--timeout", "2"][..]].concat();
        Charge {
            stop: down.iter().map(Into::into).collect(),
            kill: kill.iter().map(Into::into).collect(),
            ..Charge::new(up)
        }
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
