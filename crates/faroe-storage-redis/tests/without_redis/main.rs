//! Tests that need a server whose answers they choose.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake_redis;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use faroe_core::{
    error::{AdapterError, ErrorChain},
    storage::{Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use faroe_storage_redis::{EvictionPolicy, Redis, RedisStorage};
use faroe_testkit::promise;
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::fake_redis::{FakeRedis, cluster_node, information, ordinary};

fn later() -> UnixTime {
    SystemClock.now().saturating_add(Duration::from_secs(60))
}

async fn update(storage: &RedisStorage) -> Result<UpdateOutcome, AdapterError> {
    let update = storage.update(
        "top-secret-key",
        b"top-secret-value",
        later(),
        Counter::ZERO,
    );
    update.await
}

/// Every printed form of an error.
fn printed(error: &AdapterError) -> String {
    format!("{}\n{error:?}\n{error:#?}", ErrorChain(error))
}

#[tokio::test]
async fn an_eviction_policy_that_drops_entries_is_reported() {
    let redis = FakeRedis::start(|command| match command[0].as_str() {
        "INFO" => Some(information("allkeys-lru", false)),
        _ => ordinary(command),
    });
    let redis = redis.await;
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let redis = Redis::connect(&url).await.unwrap();
    let policy = redis.eviction_policy();
    assert_eq!(*policy, EvictionPolicy::Evicts("allkeys-lru".to_owned()));
    let warning = policy.warning().unwrap();
    assert!(warning.contains("allkeys-lru") && warning.contains("noeviction"));
}

#[tokio::test]
async fn a_server_that_keeps_all_entries_is_fine() {
    let server = FakeRedis::start(ordinary).await;
    let url = format!("redis://127.0.0.1:{}", server.port);
    let redis = Redis::connect(&url).await.unwrap();
    assert_eq!(*redis.eviction_policy(), EvictionPolicy::NoEviction);
    assert_eq!(redis.eviction_policy().warning(), None);
}

#[tokio::test]
async fn a_server_that_does_not_let_us_ask_for_its_policy_can_be_used_and_is_reported() {
    let server = FakeRedis::start(|command| match command[0].as_str() {
        "INFO" => Some("-NOPERM no permission for 'info'\r\n".to_owned()),
        _ => ordinary(command),
    });
    let server = server.await;
    let url = format!("redis://127.0.0.1:{}", server.port);
    let redis = Redis::connect(&url).await.unwrap();
    assert_eq!(*redis.eviction_policy(), EvictionPolicy::Unknown);
    assert!(redis.eviction_policy().warning().is_some());
    assert_eq!(
        update(&RedisStorage::new(redis)).await.unwrap(),
        UpdateOutcome::Updated
    );
}

#[tokio::test]
async fn a_wrong_password_is_one_clear_error_without_the_password() {
    let server = FakeRedis::start(|command| match command[0].as_str() {
        "AUTH" => Some(format!("-WRONGPASS invalid pair {command:?}\r\n")),
        "INFO" => Some("-NOAUTH Authentication required.\r\n".to_owned()),
        _ => ordinary(command),
    });
    let server = server.await;
    for scheme in ["redis", "redis+cluster"] {
        let url = format!("{scheme}://me:hunter2@127.0.0.1:{}", server.port);
        let error = Redis::connect(&url).await.unwrap_err();
        assert_eq!(
            ErrorChain(&error).to_string(),
            "connect to Redis: Redis refused the user name or password; check those in the URL"
        );
        assert!(!printed(&error).contains("hunter2"));

        let url = format!("{scheme}://127.0.0.1:{}", server.port);
        let error = Redis::connect(&url).await.unwrap_err();
        assert_eq!(
            ErrorChain(&error).to_string(),
            "connect to Redis: Redis requires a password; add it to the URL"
        );
    }
}

#[tokio::test]
async fn the_password_is_not_in_the_debug_form() {
    let server = FakeRedis::start(ordinary).await;
    let url = format!("redis://me:hunter2@127.0.0.1:{}", server.port);
    let storage = RedisStorage::new(Redis::connect(&url).await.unwrap());
    assert!(!format!("{storage:?}{storage:#?}").contains("hunter2"));
}

#[tokio::test]
async fn an_error_does_not_repeat_what_redis_says_about_key_and_value() {
    let server = FakeRedis::start(|command| match command[0].as_str() {
        "EVAL" => Some(format!("-ERR unknown command, with args {command:?}\r\n")),
        _ => ordinary(command),
    });
    let server = server.await;
    let url = format!("redis://127.0.0.1:{}", server.port);
    let storage = RedisStorage::new(Redis::connect(&url).await.unwrap());
    let error = update(&storage).await.unwrap_err();
    assert!(!printed(&error).contains("top-secret"), "{error:?}");
    assert_eq!(
        ErrorChain(&error).to_string(),
        "update an entry in Redis: Redis answered with the error ERR"
    );
}

#[tokio::test]
async fn a_server_that_is_down_is_one_clear_error_in_time() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    for scheme in ["redis", "redis+cluster"] {
        let error = Redis::connect(&format!("{scheme}://127.0.0.1:{port}"))
            .await
            .unwrap_err();
        let message = ErrorChain(&error).to_string();
        assert!(
            message.starts_with("connect to Redis: no connection: "),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_an_error_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for scheme in ["redis", "redis+cluster", "rediss"] {
        let begun = Instant::now();
        let url = format!("{scheme}://me:hunter2@127.0.0.1:{port}");
        let error = Redis::connect(&url).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(4), "{scheme}");
        assert_eq!(
            ErrorChain(&error).to_string(),
            "connect to Redis: Redis did not answer in time"
        );
    }
}

#[tokio::test]
async fn a_url_for_a_cluster_and_one_for_a_server_are_told_apart() {
    let server = FakeRedis::start(ordinary).await;
    let url = format!("redis+cluster://127.0.0.1:{}", server.port);
    let error = Redis::connect(&url).await.unwrap_err();
    assert!(
        ErrorChain(&error)
            .to_string()
            .contains("starts with redis://")
    );

    let node = FakeRedis::start(|command| cluster_node(command, 0)).await;
    let url = format!("redis://127.0.0.1:{}", node.port);
    let error = Redis::connect(&url).await.unwrap_err();
    assert!(
        ErrorChain(&error)
            .to_string()
            .contains("starts with redis+cluster://")
    );
}

#[tokio::test]
async fn a_server_without_tls_does_not_get_the_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = vec![0; 2048];
        let size = stream.read(&mut received).await.unwrap();
        received.truncate(size);
        // Closing the connection may make a client try without TLS.
        drop(stream);
        let again = tokio::time::timeout(Duration::from_secs(2), listener.accept());
        (received, again.await.is_ok())
    });
    let url = format!("rediss://me:hunter2@127.0.0.1:{port}");
    assert!(Redis::connect(&url).await.is_err());
    let (received, came_again) = server.await.unwrap();
    assert_eq!(
        received[..2],
        [0x16, 0x03],
        "it begins with a TLS handshake"
    );
    assert!(!received.windows(7).any(|bytes| bytes == b"hunter2"));
    assert!(!came_again);
}

/// A cluster of one node, which is told by a function how to answer a script.
async fn cluster(
    script: impl Fn(u16) -> Option<String> + Send + Sync + 'static,
) -> (FakeRedis, RedisStorage) {
    let port = Arc::new(AtomicU16::new(0));
    let known_port = Arc::clone(&port);
    let node = FakeRedis::start(move |command| {
        let port = known_port.load(Ordering::SeqCst);
        match command[0].as_str() {
            "EVAL" => script(port),
            _ => cluster_node(command, port),
        }
    });
    let node = node.await;
    port.store(node.port, Ordering::SeqCst);
    let url = format!("redis+cluster://127.0.0.1:{}", node.port);
    let storage = RedisStorage::new(Redis::connect(&url).await.unwrap());
    (node, storage)
}

#[tokio::test]
async fn a_compare_and_swap_that_was_cut_off_in_a_cluster_is_an_error_and_not_sent_again() {
    let (node, storage) = cluster(|_| None).await;
    let error = update(&storage).await.unwrap_err();
    assert!(!error.is_conflict());
    assert_eq!(node.scripts(), 1);
    assert!(storage.get("key").await.unwrap().is_none(), "it reconnects");
    assert_eq!(node.scripts(), 1);
}

#[tokio::test]
async fn a_compare_and_swap_that_was_cut_off_is_an_error_and_not_sent_again() {
    let node = FakeRedis::start(|command| match command[0].as_str() {
        "EVAL" => None,
        _ => ordinary(command),
    });
    let node = node.await;
    let url = format!("redis://127.0.0.1:{}", node.port);
    let storage = RedisStorage::new(Redis::connect(&url).await.unwrap());
    let error = update(&storage).await.unwrap_err();
    assert!(!error.is_conflict());
    assert_eq!(node.scripts(), 1);
    assert!(storage.get("key").await.unwrap().is_none(), "it reconnects");
    assert_eq!(node.scripts(), 1);
}

#[tokio::test]
async fn a_key_that_has_moved_to_another_node_is_followed() {
    let answers = AtomicUsize::new(0);
    let (node, storage) = cluster(move |port| {
        Some(match answers.fetch_add(1, Ordering::SeqCst) {
            0 => format!("-MOVED 1 127.0.0.1:{port}\r\n"),
            _ => ":1\r\n".to_owned(),
        })
    })
    .await;
    assert_eq!(update(&storage).await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(node.scripts(), 2);
}

#[tokio::test]
async fn a_key_that_moves_in_circles_is_an_error() {
    let (_node, storage) = cluster(|port| Some(format!("-MOVED 1 127.0.0.1:{port}\r\n"))).await;
    assert!(update(&storage).await.is_err());
}

#[tokio::test]
async fn a_key_that_is_being_moved_to_a_new_node_is_asked_for_there() {
    let asked = Arc::new(OnceLock::new());
    let is_asking = Arc::clone(&asked);
    let new = FakeRedis::start(move |command| match command[0].as_str() {
        "ASKING" => {
            let _ = is_asking.set(());
            Some("+OK\r\n".to_owned())
        }
        "EVAL" if is_asking.get().is_none() => Some("-MOVED 1 127.0.0.1:1\r\n".to_owned()),
        _ => ordinary(command),
    });
    let new = new.await;
    let address = format!("127.0.0.1:{}", new.port);
    let (old, storage) = cluster(move |_| Some(format!("-ASK 1 {address}\r\n"))).await;
    assert_eq!(update(&storage).await.unwrap(), UpdateOutcome::Updated);
    assert_eq!((old.scripts(), new.scripts()), (1, 1));
    assert!(asked.get().is_some());
}

#[tokio::test]
async fn p65_a_server_that_became_a_replica_is_left_and_taken_back_as_a_primary() {
    let is_replica = Arc::new(AtomicBool::new(false));
    let is_demoted = Arc::clone(&is_replica);
    let server = FakeRedis::start(move |command| match command[0].as_str() {
        "EVAL" | "DEL" if is_demoted.load(Ordering::SeqCst) => {
            Some("-READONLY You can't write against a read only replica.\r\n".to_owned())
        }
        _ => ordinary(command),
    });
    let server = server.await;
    let url = format!("redis://127.0.0.1:{}", server.port);
    let storage = RedisStorage::new(Redis::connect(&url).await.unwrap());
    assert!(storage.get("key").await.is_ok());
    for round in 0..3 {
        is_replica.store(true, Ordering::SeqCst);
        let error = update(&storage).await.unwrap_err();
        assert!(printed(&error).contains("is a replica"), "{error:?}");
        // The connection is gone, and a new one is not read from.
        assert!(storage.get("key").await.is_err());
        let error = Redis::connect(&url).await.unwrap_err();
        assert!(printed(&error).contains("is a replica"), "{error:?}");
        is_replica.store(false, Ordering::SeqCst);
        assert_eq!(update(&storage).await.unwrap(), UpdateOutcome::Updated);
        assert_eq!(server.scripts(), 2 * (round + 1));
    }
    promise::report("P65", "Redis: a fake server, three times a replica");
}

#[tokio::test]
async fn p65_a_write_refused_by_a_replica_is_made_on_the_primary_that_the_name_leads_to() {
    let updates = AtomicUsize::new(0);
    let server = FakeRedis::start(move |command| match command[0].as_str() {
        // The first connection leads to a server that was demoted after it was checked.
        "EVAL" if updates.fetch_add(1, Ordering::SeqCst) == 0 => {
            Some("-READONLY You can't write against a read only replica.\r\n".to_owned())
        }
        _ => ordinary(command),
    });
    let server = server.await;
    let url = format!("redis://127.0.0.1:{}", server.port);
    let storage = RedisStorage::new(Redis::connect(&url).await.unwrap());
    assert_eq!(update(&storage).await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(server.scripts(), 2);
    promise::report("P65", "Redis: a refused write, made elsewhere at once");
}

#[tokio::test]
async fn p65_a_key_that_has_moved_to_a_node_that_is_gone_is_an_error_and_then_found() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = free.local_addr().unwrap().port();
    drop(free);
    let answers = AtomicUsize::new(0);
    let (_node, storage) = cluster(move |_| {
        Some(match answers.fetch_add(1, Ordering::SeqCst) {
            0 => format!("-ASK 1 127.0.0.1:{gone}\r\n"),
            _ => ":1\r\n".to_owned(),
        })
    })
    .await;
    assert!(update(&storage).await.is_err());
    assert_eq!(update(&storage).await.unwrap(), UpdateOutcome::Updated);
    promise::report("P65", "Redis Cluster: a redirection to a node that is gone");
}
