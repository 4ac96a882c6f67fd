//! The program: see the library's documentation.

use std::{
    future::Future,
    io::{self, Write},
    pin::pin,
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use faroe_server::{
    Command, CommandLine, Configuration, Instance, StartError, UserServerInstance, check_config,
    logging::{self, Log},
    send_test_email,
};
use mimalloc::MiMalloc;
use tokio::runtime;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The status of a program that a signal ended, as shells count.
const ENDED_BY_A_SIGNAL: i32 = 130;

fn main() -> ExitCode {
    let mut log = None;
    run(&mut log).unwrap_or_else(|error| {
        let reason = format!("faroe-server: {error}");
        match &log {
            Some(log) => log.write(&reason),
            None => {
                // There is nobody left to tell if this fails.
                let _ = writeln!(io::stderr(), "{reason}");
            }
        }
        ExitCode::from(error.exit_status())
    })
}

/// Runs the command. The log is started within, and ends with the process.
fn run(log: &mut Option<Log>) -> Result<ExitCode, StartError> {
    let CommandLine { sources, command } = CommandLine::read()?;
    let configuration = match command {
        Some(Command::UserServer) => Configuration::load_user_server(&sources)?,
        _ => Configuration::load(&sources)?,
    };
    *log = Some(logging::start(&configuration)?);
    configuration.log_warnings();
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("the system gives threads");
    let result = runtime.block_on(async {
        match command {
            None => Box::pin(serve(configuration)).await,
            Some(Command::UserServer) => serve_users(configuration).await,
            Some(Command::CheckConfig) => {
                let is_well = check_config(&configuration, &mut io::stdout()).await;
                Ok(if is_well {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                })
            }
            Some(Command::SendTestEmail { address }) => {
                let sent = send_test_email(&configuration, &address).await?;
                let _ = writeln!(io::stdout(), "{sent}");
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // A password hash without a waiting client must not delay the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(configuration: Configuration) -> Result<ExitCode, StartError> {
    let mut stop = pin!(stop_signal());
    let instance = tokio::select! {
        instance = Instance::start(configuration) => instance?,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    welcome(instance.welcome());
    instance.run_until(stop).await;
    Ok(ExitCode::SUCCESS)
}

async fn serve_users(configuration: Configuration) -> Result<ExitCode, StartError> {
    let mut stop = pin!(stop_signal());
    let instance = tokio::select! {
        instance = UserServerInstance::start(configuration) => instance?,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    welcome(format!("listening on http://{}\n", instance.address()));
    instance.run_until(stop).await;
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output, in a thread of its own: the server does not wait for a reader.
fn welcome(text: String) {
    thread::spawn(move || {
        // A reader that closed standard output wants no more.
        let _ = io::stdout().write_all(text.as_bytes());
    });
}

/// Waits for the first signal to stop. The second one ends the process at once. `SIGHUP` is ignored: terminals send it when they
/// are closed, and log rotation to any program.
///
/// Signals count from the call on, not from the first poll.
fn stop_signal() -> impl Future<Output = ()> {
    let mut signals = Signals::listen();
    async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            process::exit(ENDED_BY_A_SIGNAL);
        });
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Never received. While it can be, it does not end the process.
    _hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).expect("these signals can be handled");
        Self {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            _hangup: listen(SignalKind::hangup()),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        tokio::signal::ctrl_c()
            .await
            .expect("Ctrl-C can be handled");
    }
}
