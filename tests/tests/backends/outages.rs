//! A database that goes down while the program runs.

use std::time::{Duration, Instant};

use faroe_testkit::promise;
use faroe_tests::binary::Binary;

use crate::{
    backend::{Backend, address, server, with},
    proxy::{Mode, Proxy},
};

/// The most time that an answer may take while the database is down.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most time until everything works after the database is up again.
const RECOVERY: Duration = Duration::from_secs(5);

pub(crate) async fn p32_what_goes_away_is_told_and_comes_back_by_itself(backend: Backend) {
    let proxy = Proxy::start(server(&backend.storage()).to_owned()).await;
    let through_proxy = with(
        &backend.storage(),
        None,
        &format!("127.0.0.1:{}", proxy.port),
    );
    let mut settings = backend.settings();
    settings.environment = vec![
        ("STORAGE", through_proxy),
        ("USER_STORE", backend.user_store()),
    ];
    let program = Binary::start_with(&settings).await;
    let session = program.sign_up(&address()).await;

    for mode in [Mode::Down, Mode::BlackHole] {
        proxy.set(mode);
        if mode == Mode::Down {
            proxy.cut().await;
        }
        let gone = Instant::now();
        assert_eq!(program.session_state(&session).await, "internal_error");
        assert!(gone.elapsed() < PATIENCE, "{mode:?}: {:?}", gone.elapsed());
        let asked = Instant::now();
        let (status, reason) = program.readiness().await;
        assert_eq!(status, 503, "{reason}");
        assert_eq!(reason, "not ready: storage, rate limit storage\n");
        assert!(
            asked.elapsed() < PATIENCE,
            "{mode:?}: {:?}",
            asked.elapsed()
        );

        proxy.set(Mode::Open);
        proxy.cut().await;
        let back = Instant::now();
        while program.readiness().await.0 != 200 {
            assert!(back.elapsed() < RECOVERY, "{mode:?}");
        }
        // The first call on a broken connection may fail.
        while program.session_state(&session).await != "ok" {
            assert!(back.elapsed() < RECOVERY, "{mode:?}");
        }
    }
    let name = backend.kind.name();
    promise::report(
        "P32",
        format!("{name}: cut off and silenced, and back within 5 s each time"),
    );
}
