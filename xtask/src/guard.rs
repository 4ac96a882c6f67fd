//! Processes that end when this one does, however it ends.
//!
//! Each process runs under a guard: this program again, in a process group of its own, with a pipe on its standard input
//! whose other end only this process holds. The pipe closes when the process is dropped, and when this process is
//! interrupted, panics or is killed. Then the guard ends its process. Bytes in the pipe are orders: to kill the process, and
//! to start it again.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::PathBuf,
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rustix::process::{Pid, Signal, kill_process_group};

/// An order to a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Kill the process without warning, keep its folder, and wait for further orders.
    Kill = b'k' as isize,
    /// Start the process again, if it is not running.
    Start = b's' as isize,
}

/// The time that a process gets to end before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A process for a guard to run, and the way to end it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Charge {
    /// Signal that asks the process to end.
    #[arg(long, default_value = "terminate")]
    pub(crate) signal: EndSignal,
    /// Run the process as this user and group.
    #[arg(long, value_names = ["UID", "GID"], num_args = 2)]
    pub(crate) user: Vec<u32>,
    /// Remove this folder at the end.
    #[arg(long)]
    pub(crate) remove: Option<PathBuf>,
    /// Run this command before the signal; one word per option.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) stop: Vec<OsString>,
    /// Run this command to kill the process, instead of a signal; one word per option.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) kill: Vec<OsString>,
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EndSignal {
    #[default]
    Terminate,
    Quit,
}

impl Charge {
    pub(crate) fn new(command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    fn arguments(&self) -> Vec<OsString> {
        let signal = self
            .signal
            .to_possible_value()
            .expect("no signal is skipped");
        let mut arguments: Vec<OsString> =
            vec!["guard".into(), "--signal".into(), signal.get_name().into()];
        if !self.user.is_empty() {
            arguments.push("--user".into());
            arguments.extend(self.user.iter().map(|id| id.to_string().into()));
        }
        if let Some(folder) = &self.remove {
            arguments.extend(["--remove".into(), folder.into()]);
        }
        for (name, words) in [("--stop", &self.stop), ("--kill", &self.kill)] {
            for word in words {
                arguments.extend([name.into(), word.clone()]);
            }
        }
        arguments.push("--".into());
        arguments.extend(self.command.iter().cloned());
        arguments
    }
}

/// A process that ends when this is dropped, and when this process ends.
#[derive(Debug)]
pub(crate) struct Guarded {
    guard: Child,
}

impl Guarded {
    /// Starts a process. `configure` sets what it inherits: folder, environment, output.
    pub(crate) fn start(charge: &Charge, configure: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = Command::new(executable()?);
        command.arg0("xtask");
        configure(command.args(charge.arguments()));
        let guard = command.stdin(Stdio::piped()).process_group(0).spawn();
        Ok(Self {
            guard: guard.context("start a guard")?,
        })
    }

    /// Gives an order, and does not wait for it to be carried out.
    pub(crate) fn order(&self, order: Order) -> Result<()> {
        let mut pipe = self.guard.stdin.as_ref().context("the process has ended")?;
        let written = pipe.write_all(&[order as u8]);
        written.context("give an order to a guard")
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        // `Child::wait` would close the pipe first.
        let pipe = self.guard.stdin.take();
        let ended = self.guard.wait().context("wait for a process");
        drop(pipe);
        ended
    }

    /// Returns how the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.guard.try_wait().ok().flatten()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Closes the pipe. An error means that there is nothing left to wait for.
        let _ = self.guard.wait();
    }
}

/// Returns this program, even if its file was replaced by a newer build.
fn executable() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe().context("find this program")
}

enum Event {
    Told(u8),
    PipeClosed,
    Ended(std::io::Result<ExitStatus>),
}

/// Runs the guard itself.
pub(crate) fn run(charge: &Charge) -> Result<ExitCode> {
    let ended = watch(charge);
    if let Some(folder) = &charge.remove {
        // It is a temporary folder: what cannot be removed is left to the system.
        let _ = std::fs::remove_dir_all(folder);
    }
    let status = ended?;
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn start(charge: &Charge, ended: &mpsc::Sender<Event>) -> Result<Pid> {
    let mut command = Command::new(&charge.command[0]);
    command
        .args(&charge.command[1..])
        .stdin(Stdio::null())
        .process_group(0);
    if let [user, group] = charge.user[..] {
        command.uid(user).gid(group);
    }
    let mut child = command
        .spawn()
        .with_context(|| format!("start {}", charge.command[0].display()))?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = ended.clone();
    thread::spawn(move || ended.send(Event::Ended(child.wait())));
    group.context("a process without an ID")
}

fn watch(charge: &Charge) -> Result<ExitStatus> {
    let (sender, events) = mpsc::channel();
    let mut group = Some(start(charge, &sender)?);
    let mut was_killed = false;
    let pipe = sender.clone();
    thread::spawn(move || {
        let mut order = [0];
        while let Ok(1) = std::io::stdin().read(&mut order) {
            pipe.send(Event::Told(order[0]))?;
        }
        pipe.send(Event::PipeClosed)
    });
    loop {
        match events.recv()? {
            Event::Told(order) if order == Order::Kill as u8 => {
                was_killed = true;
                kill(charge, group);
            }
            Event::Told(order) if order == Order::Start as u8 && group.is_none() => {
                group = Some(start(charge, &sender)?);
            }
            Event::Told(_) => {}
            Event::PipeClosed => return end(charge, group, &events),
            Event::Ended(status) => {
                end_what_is_left(group.take());
                if !was_killed {
                    return Ok(status?);
                }
            }
        }
    }
}

fn kill(charge: &Charge, group: Option<Pid>) {
    if charge.kill.is_empty() {
        end_what_is_left(group);
    } else {
        run_quietly(&charge.kill);
    }
}

fn end_what_is_left(group: Option<Pid>) {
    if let Some(group) = group {
        // An error means that there is nothing left.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Runs a command whose failure does not matter: signals follow.
fn run_quietly(command: &[OsString]) {
    if let [program, arguments @ ..] = command {
        let _ = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
    }
}

fn end(charge: &Charge, group: Option<Pid>, events: &mpsc::Receiver<Event>) -> Result<ExitStatus> {
    run_quietly(&charge.stop);
    let Some(group) = group else {
        return Ok(ExitStatus::default());
    };
    let signal = match charge.signal {
        EndSignal::Terminate => Signal::TERM,
        EndSignal::Quit => Signal::QUIT,
    };
    // An error means that the group has ended.
    let _ = kill_process_group(group, signal);
    let ended = events.recv_timeout(GRACE);
    end_what_is_left(Some(group));
    match ended.or_else(|_| events.recv())? {
        Event::Ended(status) => Ok(status?),
        Event::Told(_) | Event::PipeClosed => anyhow::bail!("the pipe closed twice"),
    }
}
