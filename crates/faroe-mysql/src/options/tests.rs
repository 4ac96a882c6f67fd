use std::{error::Error, time::Duration};

use faroe_core::error::ErrorChain;

use super::*;

fn ssl_mode(url: &str) -> MySqlSslMode {
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
        ("mysql://db.example.com/app", MySqlSslMode::VerifyIdentity),
        ("mariadb://10.0.0.7/app", MySqlSslMode::VerifyIdentity),
        (
            "mysql://db.example.com/app?ssl-mode=DISABLED",
            MySqlSslMode::Disabled,
        ),
        (
            "mysql://db.example.com/app?ssl-mode=required",
            MySqlSslMode::Required,
        ),
        (
            "mysql://db.example.com/app?sslmode=verify_ca",
            MySqlSslMode::VerifyCa,
        ),
        (
            "mysql://localhost.example.com/app",
            MySqlSslMode::VerifyIdentity,
        ),
        ("mysql://localhost/app", MySqlSslMode::Preferred),
        ("mysql://127.0.0.1/app", MySqlSslMode::Preferred),
        ("mysql://[::1]/app", MySqlSslMode::Preferred),
        (
            "mysql://localhost/app?ssl-mode=verify_identity",
            MySqlSslMode::VerifyIdentity,
        ),
        (
            "mysql://user@localhost/app?socket=/run/mysqld.sock",
            MySqlSslMode::Disabled,
        ),
    ] {
        let found = ssl_mode(url);
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{url}");
    }
}

#[test]
fn encryption_that_can_be_taken_away_is_refused() {
    let reason = refused("mysql://db.example.com/app?ssl-mode=preferred");
    assert!(reason.contains("verify_identity"), "{reason}");
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
        let url = format!("mysql://{host}/app");
        assert!(
            matches!(ssl_mode(&url), MySqlSslMode::VerifyIdentity),
            "{url}"
        );
        refused(&format!("{url}?ssl-mode=preferred"));
    }
    for host in ["LOCALHOST", "127.0.0.2", "[::ffff:127.0.0.1]"] {
        let url = format!("mysql://{host}/app");
        assert!(matches!(ssl_mode(&url), MySqlSslMode::Preferred), "{url}");
    }
    let hosts = hosts.len();
    faroe_testkit::promise::report(
        "P55",
        format!("MySQL: {hosts} names like this machine's verified"),
    );
}

#[test]
fn numbers_come_from_the_url() {
    let options = Options::from_url(
        "mysql://localhost/app?min_connections=1&max_connections=7&acquire_timeout_ms=100&statement_timeout_ms=200",
    );
    let options = options.unwrap();
    let pool = &options.pool;
    assert_eq!((pool.min_connections, pool.max_connections), (1, 7));
    assert_eq!(pool.acquire_timeout, Duration::from_millis(100));
    assert_eq!(pool.statement_timeout, Duration::from_millis(200));
}

#[test]
fn connection_strings_of_providers_are_understood() {
    for (url, expected) in [
        (
            "mysql://me:secret@db.example.com:25060/app?ssl-mode=REQUIRED",
            MySqlSslMode::Required,
        ),
        (
            "mysql://me:secret@db.example.com/app?charset=utf8mb4&connect_timeout=10",
            MySqlSslMode::VerifyIdentity,
        ),
        (
            "mysql://me:secret@/app?socket=/cloudsql/project:region:instance",
            MySqlSslMode::Disabled,
        ),
    ] {
        let found = ssl_mode(url);
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{url}");
    }
    let options = Options::from_url("mysql://localhost/app?connect_timeout=10").unwrap();
    assert_eq!(options.pool.acquire_timeout, Duration::from_secs(10));
}

#[test]
fn an_unknown_parameter_is_named() {
    let reason = refused("mysql://me:canary@localhost/app?ssl=canary");
    assert_eq!(reason, "the parameter ssl of the URL is unknown");
}

#[test]
fn an_invalid_url_is_refused_without_being_repeated() {
    for url in [
        "postgres://canary@localhost/app",
        "canary",
        "mysql://user:canary@localhost/app?ssl-mod=required",
        "mysql://user:canary@localhost/app?ssl-mode=canary",
        "mysql://user:canary@localhost/app?charset=latin1",
        "mysql://user:canary@localhost/app?max_connections=0",
        "mysql://user:canary@localhost/app?max_connections=canary",
        "mysql://user:canary@localhost/app?statement_timeout_ms=0",
        "mysql://user:canary@localhost:port/app",
        "mysql://user:can?canary@localhost/app",
        "mysql://user:can#canary@localhost/app",
        "mysql://localhost/app?password=canary",
    ] {
        refused(url);
    }
}

#[test]
fn debug_shows_no_password() {
    let options = Options::from_url("mysql://user:canary@localhost/app").unwrap();
    assert!(!format!("{options:?}").contains("canary"));
}
