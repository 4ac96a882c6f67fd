//! Processes that end when this one does, however it ends.
//!
//! Whatever we start runs under a guard: this program again, in a process group of its own, with a pipe on its standard
//! input that only we hold open. The pipe closes when we say so, and also when we are interrupted, panic or are killed.
//! Then the guard ends its charge. What is written to the pipe are orders: to kill the charge, and to start it again.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// What a guard can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Kill the process, without a warning. Its folder stays, and its end is no longer the guard's.
    Kill = b'k' as isize,
    /// Start it again, if it does not run.
    Start = b's' as isize,
}

/// How long a process may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// What a guard is told to run, and how to end it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Charge {
    /// Which signal asks it to end.
    #[arg(long, default_value = "terminate")]
    pub(crate) signal: EndSignal,
    /// Run it as this user and group.
    #[arg(long, value_names = ["UID", "GID"], num_args = 2)]
    pub(crate) user: Vec<u32>,
    /// Remove this folder afterwards.
    #[arg(long)]
    pub(crate) remove: Option<PathBuf>,
    /// Before the signal, run this; one word at a time.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) stop: Vec<OsString>,
    /// To kill it, run this instead of sending a signal; one word at a time.
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

/// A process that ends when this is dropped, and when we end.
#[derive(Debug)]
pub(crate) struct Guarded {
    guard: Child,
}

/// The guards that run, each with the pipe that keeps its charge alive.
static RUNNING: Mutex<Vec<(u32, ChildStdin)>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<(u32, ChildStdin)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guarded {
    /// Starts a process; `configure` sets what it inherits: folder, environment, output.
    pub(crate) fn start(charge: &Charge, configure: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = Command::new(executable()?);
        command.arg0("xtask");
        configure(command.args(charge.arguments()));
        let mut running = running();
        let mut guard = command
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("could not start a guard")?;
        let pipe = guard.stdin.take().expect("standard input is a pipe");
        running.push((guard.id(), pipe));
        Ok(Self { guard })
    }

    /// Gives an order, and does not wait for it to be carried out.
    pub(crate) fn order(&self, order: Order) -> Result<()> {
        let mut running = running();
        let pipe = running.iter_mut().find(|(id, _)| *id == self.guard.id());
        let (_, pipe) = pipe.context("the process has ended")?;
        pipe.write_all(&[order as u8])
            .context("could not give an order to a guard")
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        self.guard.wait().context("lost a process")
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.guard.try_wait().ok().flatten()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        running().retain(|(id, _)| *id != self.guard.id());
        // An error means that there is nothing left to wait for.
        let _: Result<ExitStatus, _> = self.guard.wait();
    }
}

/// This program, even if its file was replaced by a newer build.
fn executable() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe().context("could not find this program")
}

/// From now on an interrupt ends everything that is guarded first, and waits for it.
pub(crate) fn end_all_on_interrupt() -> Result<()> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("could not handle signals")?;
    thread::spawn(move || {
        let Some(signal) = signals.forever().next() else {
            return;
        };
        eprintln!("\nending what was started …");
        // The lock is never given back: nothing new is started.
        let mut running = running();
        let ids: Vec<u32> = running.drain(..).map(|(id, _pipe)| id).collect();
        for id in ids {
            let process = i32::try_from(id).ok().and_then(Pid::from_raw);
            // An error means that someone else has waited for it.
            let _ = waitpid(process, WaitOptions::empty());
        }
        std::process::exit(128 + signal);
    });
    Ok(())
}

enum Event {
    Told(u8),
    PipeClosed,
    Ended(std::io::Result<ExitStatus>),
}

/// The guard itself.
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
        .with_context(|| format!("could not start {}", charge.command[0].display()))?;
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

/// If it fails, signals remain.
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
