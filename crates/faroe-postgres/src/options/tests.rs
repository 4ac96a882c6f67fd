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
fn connection_strings_of_providers_are_understood() {
    for (url, expected) in [
        // Neon
        (
            "postgresql://me:secret@ep-1.eu.example.com/app?sslmode=require&channel_binding=require",
            PgSslMode::VerifyFull,
        ),
        (
            "postgresql://me:secret@db.example.com/app?sslmode=require&channel_binding=prefer",
            PgSslMode::Require,
        ),
        (
            "postgres://me:secret@localhost/app?channel_binding=require",
            PgSslMode::VerifyFull,
        ),
        (
            "postgres://me@db.example.com/app?sslmode=verify-full&sslrootcert=system",
            PgSslMode::VerifyFull,
        ),
        (
            "postgres://me@db.example.com/app?sslmode=require&target_session_attrs=read-write",
            PgSslMode::Require,
        ),
        (
            "postgres://me@db.example.com/app?sslmode=disable&connect_timeout=10&gssencmode=disable&\
             client_encoding=UTF8&application_name=app&target_session_attrs=primary",
            PgSslMode::Disable,
        ),
        // Cloud SQL
        (
            "postgresql://me:secret@/app?host=/cloudsql/project:region:instance",
            PgSslMode::Disable,
        ),
        (
            "postgresql:///app?host=/run/postgresql&port=5433&user=me",
            PgSslMode::Disable,
        ),
        (
            "postgresql://me@%2Frun%2Fpostgresql/app",
            PgSslMode::Disable,
        ),
    ] {
        let found = ssl_mode(url);
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{url}");
    }
    let options = Options::from_url("postgres://me:secret@/app?host=/cloudsql/a:b:c&port=5433");
    let connection = options.unwrap().connection;
    let socket = connection.get_socket().map(|socket| socket.to_str());
    assert_eq!(socket, Some(Some("/cloudsql/a:b:c")));
    assert_eq!(
        (
            connection.get_port(),
            connection.get_database(),
            connection.get_username()
        ),
        (5433, Some("app"), "me")
    );
}

#[test]
fn a_connect_timeout_is_the_longest_wait_for_a_connection() {
    for (parameter, seconds) in [
        ("", 3),
        ("?connect_timeout=10", 10),
        ("?connect_timeout=0", 3),
    ] {
        let options = Options::from_url(&format!("postgres://localhost/app{parameter}")).unwrap();
        assert_eq!(options.pool.acquire_timeout, Duration::from_secs(seconds));
    }
}

#[test]
fn a_parameter_that_cannot_be_used_is_named() {
    for (parameter, expected) in [
        (
            "sslmod=require",
            "the parameter sslmod of the URL is unknown",
        ),
        (
            "keepalives_idle=30",
            "the parameter keepalives_idle of the URL is unknown",
        ),
        (
            "target_session_attrs=standby",
            "target_session_attrs can only be primary",
        ),
        ("channel_binding=canary", "channel_binding can only be"),
        ("gssencmode=require", "gssencmode can only be"),
        (
            "connect_timeout=canary",
            "connect_timeout has an invalid value",
        ),
        ("sslmode=disable&channel_binding=require", "need TLS"),
        ("canary", "a parameter of the URL is unknown"),
        ("can/ary=1", "a parameter of the URL is unknown"),
    ] {
        let reason = refused(&format!(
            "postgres://me:secret@db.example.com/app?{parameter}"
        ));
        assert!(reason.contains(expected), "{parameter}: {reason}");
    }
    let reason = refused("postgres://me@one.example.com,two.example.com/app");
    assert!(reason.contains("several hosts"), "{reason}");
}

#[test]
fn debug_shows_no_password() {
    let options = Options::from_url("postgres://user:canary@localhost/app").unwrap();
    assert!(!format!("{options:?}").contains("canary"));
}
