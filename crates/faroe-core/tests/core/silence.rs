//! No log line and no panic message holds a secret, after any fault.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use faroe_core::{
    log::TracingLogger,
    protocol::schema::{ActionSchema, server_actions},
};
use faroe_testkit::{
    canaries::Canaries,
    fault::{self, Extent, Injection},
    hasher::HasherBehaviour,
    promise,
};
use tracing_subscriber::filter::LevelFilter;

use crate::{
    canaries::{base64, canaries_of},
    harness::Harness,
    world::{World, answer},
};

/// Everything that was written since it was last looked through.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes down the events and spans of every crate and thread, and the messages of panics.
fn write_down_everything() -> Written {
    let written = Written::default();
    let log = written.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || log.clone())
        .init();
    let (panics, hook) = (written.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.to_string();
        let _ = panics.clone().write(message.as_bytes());
        // Hundreds of these are no news.
        if !message.ends_with("the hasher was told to panic") {
            hook(panic);
        }
    }));
    written
}

/// A fault of one invocation.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The call of storage or user store with this number fails or conflicts.
    Call(usize, fault::Fault),
    Hash(HasherBehaviour),
    Mail,
}

/// Invokes an action while something goes wrong. Returns what was written, and whether it has gone wrong.
async fn write_down(
    written: &Written,
    world: &World,
    action: &ActionSchema,
    fault: Fault,
) -> (Vec<u8>, bool) {
    let (server, faults) = world.harness.beside(|_, options| {
        options.error_logger = Arc::new(TracingLogger);
    });
    match fault {
        Fault::Call(at, fault) => faults.inject(Injection {
            fault,
            at,
            extent: Extent::Once,
        }),
        Fault::Hash(behaviour) => {
            world.harness.hasher.set_behaviour(behaviour);
            world.harness.temporary_hasher.set_behaviour(behaviour);
        }
        Fault::Mail => world.harness.mailbox.set_failing(true),
    }
    answer(&server, action.name, world.arguments(action)).await;
    (written.take(), faults.is_done())
}

#[tokio::test]
async fn p02_no_secret_is_written_anywhere_after_any_fault() {
    let written = write_down_everything();
    let (mut faults, mut bytes) = (0, 0);
    let mut look_through = |world: &World, log: &[u8]| {
        let hashes = world.harness.users.users().into_iter();
        let hashes = hashes.map(|user| base64(&user.password_hash));
        for canaries in [canaries_of(world), Canaries::new(hashes)] {
            let found = canaries.found_in(log);
            assert_eq!(found, [""; 0], "{}", String::from_utf8_lossy(log));
        }
        faults += 1;
        bytes += log.len();
    };
    for world in [
        World::new(Harness::new()).await,
        World::completable(Harness::new()).await,
    ] {
        let snapshot = world.snapshot();
        for action in server_actions() {
            for fault in [
                Fault::Hash(HasherBehaviour::Fail),
                Fault::Hash(HasherBehaviour::Panic),
                Fault::Mail,
            ] {
                world.restore(&snapshot);
                look_through(
                    &world,
                    &write_down(&written, &world, &action, fault).await.0,
                );
            }
            for fault in [fault::Fault::FailBeforeActing, fault::Fault::Conflict] {
                // One call after another, until there are no more.
                for at in 0.. {
                    world.restore(&snapshot);
                    let fault = Fault::Call(at, fault);
                    let (log, has_happened) = write_down(&written, &world, &action, fault).await;
                    look_through(&world, &log);
                    if !has_happened {
                        break;
                    }
                }
            }
        }
    }
    assert!(
        bytes > 50_000,
        "only {bytes} bytes were written: something was not heard"
    );
    promise::report(
        "P02",
        format_args!("{faults} faults, {bytes} bytes of logs and panics at TRACE, 0 secrets"),
    );
}
