use std::{error::Error, time::Duration};

use faroe_core::error::ErrorChain;

use super::*;

fn ssl_mode(url: &str) -> PgSslMode {
    Options::from_url(url).unwrap().connection.get_ssl_mode()
}

fn refused(url: &str) -> String {
    let error = Options::from_url(url).unwrap_err();
    assert!(!format!("{error:?}{}", ErrorChain(&error)).contains("canary"));
    error.source().unwrap().to_string()
}

#[test]
fn a_server_elsewhere_is_verified_unless_the_url_says_otherwise() {
    for (url, expected) in [
        ("postgres://db.example.com/app", PgSslMode::VerifyFull),
        ("postgres://10.0.0.7/app", PgSslMode::VerifyFull),
        (
            "postgres://db.example.com/app?sslmode=disable",
            PgSslMode::Disable,
        ),
        (
            "postgres://db.example.com/app?sslmode=require",
            PgSslMode::Require,
        ),
        (
            "postgresql://db.example.com/app?sslmode=verify-ca",
            PgSslMode::VerifyCa,
        ),
        (
            "postgres://localhost.example.com/app",
            PgSslMode::VerifyFull,
        ),
        (
            "postgres://x/app?host=db.example.com",
            PgSslMode::VerifyFull,
        ),
        ("postgres://localhost/app", PgSslMode::Prefer),
        ("postgres://127.0.0.1/app", PgSslMode::Prefer),
        ("postgres://[::1]/app", PgSslMode::Prefer),
        (
            "postgres://localhost/app?sslmode=verify-full",
            PgSslMode::VerifyFull,
        ),
        ("postgres:///app?host=/run/postgresql", PgSslMode::Disable),
    ] {
        let found = ssl_mode(url);
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{url}");
    }
}

#[test]
fn encryption_that_can_be_taken_away_is_refused() {
    for mode in ["allow", "prefer"] {
        let reason = refused(&format!("postgres://db.example.com/app?sslmode={mode}"));
        assert!(reason.contains("verify-full"), "{reason}");
    }
}

#[test]
fn p55_a_name_that_only_looks_like_this_machine_is_verified() {
    let hosts = [
        "127.example.com",
        "127.0.0.1.example.com",
        "127.1",
        "localhost.example.com",
        "localhost.",
        "[::2]",
        "[::ffff:128.0.0.1]",
    ];
    for host in hosts {
        let url = format!("postgres://{host}/app");
        assert!(matches!(ssl_mode(&url), PgSslMode::VerifyFull), "{url}");
        refused(&format!("{url}?sslmode=prefer"));
    }
    for host in ["LOCALHOST", "127.0.0.2", "[::ffff:127.0.0.1]"] {
        let url = format!("postgres://{host}/app");
        assert!(matches!(ssl_mode(&url), PgSslMode::Prefer), "{url}");
    }
    let hosts = hosts.len();
    faroe_testkit::promise::report(
        "P55",
        format!("PostgreSQL: {hosts} names like this machine's verified"),
    );
}

#[test]
fn numbers_come_from_the_url() {
    let options = Options::from_url(
        "postgres://localhost/app?min_connections=1&max_connections=7&acquire_timeout_ms=100&\
         statement_timeout_ms=200&pgbouncer=true",
    );
    let options = options.unwrap();
    let pool = &options.pool;
    assert_eq!((pool.min_connections, pool.max_connections), (1, 7));
    assert_eq!(pool.acquire_timeout, Duration::from_millis(100));
    assert_eq!(pool.statement_timeout, Duration::from_millis(200));
    assert!(options.pgbouncer);
}

#[test]
fn an_invalid_url_is_refused_without_being_repeated() {
    for url in [
        "mysql://canary@localhost/app",
        "canary",
        "postgres://user:canary@localhost/app?sslmod=require",
        "postgres://user:canary@localhost/app?sslmode=canary",
        "postgres://user:canary@localhost/app?max_connections=0",
        "postgres://user:canary@localhost/app?max_connections=canary",
        "postgres://user:canary@localhost/app?statement_timeout_ms=0",
        "postgres://user:canary@localhost:port/app",
        "postgres://user:can?canary@localhost/app",
        "postgres://user:can#canary@localhost/app",
        "postgres://localhost/app?password=canary",
    ] {
        refused(url);
    }
}

#[test]
fn debug_shows_no_password() {
    let options = Options::from_url("postgres://user:canary@localhost/app").unwrap();
    assert!(!format!("{options:?}").contains("canary"));
}
