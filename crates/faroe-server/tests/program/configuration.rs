//! Flags, environment and file: what wins, what is refused and how.

use std::fs;

use crate::support::{Program, command, refusal};

#[test]
fn a_bad_setting_is_refused_with_one_line_that_names_it() {
    for (configuration, named) in [
        ("listn = \"127.0.0.1:0\"", "line 1: listn: unknown field"),
        (
            "\n\n[session]\ninactivity_timeot = \"1 day\"",
            "line 4: session.inactivity_timeot: unknown field",
        ),
        ("[sessions]", "sessions"),
        ("[rate_limits.send_mail]", "rate_limits.send_mail"),
        (
            "[session]\ninactivity_timeout = \"0s\"",
            "session.inactivity_timeout: expected a duration",
        ),
        (
            "[session]\ninactivity_timeout = \"soon\"",
            "session.inactivity_timeout: expected a duration",
        ),
        (
            "[session]\ninactivity_timeout = 30",
            "session.inactivity_timeout",
        ),
        (
            "[session]\ninactivity_timeout = \"10s\"",
            "inactivity timeout",
        ),
        (
            "[session]\nabsolute_expiration = \"0 days\"",
            "session.absolute_expiration",
        ),
        (
            "[session]\ncache_expiration = \"1m\"\nuser_cache_expiration = \"1m\"",
            "cache expiration",
        ),
        ("[hashing]\npermits = 0", "hashing.permits"),
        ("[hashing]\nqueue = -1", "hashing.queue"),
        ("[hashing]\nmemory_kib = 1", "memory"),
        (
            "[hashing]\nprevious = [{ memory_kib = 65536, iterations = 3 }]",
            "argon2id.65536.3.1.32",
        ),
        (
            "[rate_limits.send_email]\ncapacity = 0",
            "rate_limits.send_email.capacity",
        ),
        (
            "[rate_limits.send_email]\ninterval = \"0s\"",
            "rate_limits.send_email.interval",
        ),
        (
            "[passwords]\nstrength_check = 3",
            "passwords.strength_check",
        ),
        ("[passwords]\nbreach_check = true", "passwords.breach_check"),
        (
            "[passwords]\nbreach_check_url = \"https://me:canary@example.com\"",
            "passwords.breach_check_url: expected a URL such as",
        ),
        (
            "[passwords]\nbreach_check_url = \"http://example.com\"",
            "http only to a loopback address",
        ),
        (
            "[ip_rate_limit]\nattempts.capacity = 0",
            "ip_rate_limit.attempts.capacity",
        ),
        (
            "[ip_rate_limit]\nrequests.interval = \"0s\"",
            "ip_rate_limit.requests.interval: expected a duration",
        ),
        (
            "[ip_rate_limit]\nrequests.interval = \"1us\"",
            "ip_rate_limit.requests: a capacity is from 1 to 100000",
        ),
        (
            "[ip_rate_limit]\nattempts.capacity = 1000000",
            "ip_rate_limit.attempts: a capacity is from 1 to 100000",
        ),
        (
            "[ip_rate_limit]\ntrusted_proxies = 17",
            "ip_rate_limit.trusted_proxies: at most 16",
        ),
        (
            "[ip_rate_limit]\ntrusted_proxies = -1",
            "ip_rate_limit.trusted_proxies",
        ),
        (
            "[ip_rate_limit]\ntrust_proxies = 1",
            "ip_rate_limit.trust_proxies: unknown field",
        ),
        ("[http]\nmax_connections = 0", "http.max_connections"),
        ("[http]\nallowed_origins = [\"*\"]", "http.allowed_origins"),
        (
            "[http]\nblocked_actions = [\"create_sinup\"]",
            "create_sinup",
        ),
        ("mode = \"prod\"", "mode"),
        ("listen = \"localhost\"", "listen"),
        ("log = \"faroe_server=loud\"", "log filter"),
        (
            "storage = \"oracle://user:canary@host/database\"",
            "storage: expected \"sqlite:PATH\"",
        ),
        (
            "storage = \"redis://user:canary@host:port\"",
            "storage (Redis): could not",
        ),
        (
            "user_store = \"postgres://user:canary@host:1/database?sslmode=soon\"",
            "user_store (PostgreSQL at host:1): could not",
        ),
        (
            "user_store = \"redis://user:canary@host\"",
            "user_store: expected \"sqlite:PATH\"",
        ),
        ("cache = \"memory:\"", "session.cache_expiration"),
        (
            "rate_limit_storage = \"memory\"",
            "rate_limit_storage: expected",
        ),
        (
            "user_store = \"sqlite:\"",
            "user_store: expected \"sqlite:PATH\"",
        ),
        (
            "storage = \"sqlite:no/such/folder/storage.sqlite3\"",
            "no/such/folder/storage.sqlite3",
        ),
        (
            "listen = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:0\"",
            "line 2",
        ),
        ("listen =", "line 1"),
        ("[users_table]\nname = \"accounts\"", "user_store"),
        (
            "user_store = \"sqlite:a\"\n[users_table]\nnam = \"accounts\"",
            "users_table.nam: unknown field",
        ),
        (
            "user_store = \"sqlite:missing.sqlite3\"\n[users_table]",
            "missing.sqlite3",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("faroe.toml"), configuration).unwrap();
        let reason = refusal(command(folder.path()).args([
            "--config",
            "faroe.toml",
            "--listen",
            "127.0.0.1:0",
        ]));
        assert_eq!(reason.lines().count(), 1, "{reason}");
        assert!(reason.starts_with("faroe-server: "), "{reason}");
        assert!(reason.contains(named), "{configuration}: {reason}");
        assert!(!reason.contains("canary"), "{reason}");
    }
}

#[test]
fn a_bad_flag_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, named) in [
        (&["--listen", "nowhere"][..], "--listen"),
        (&["--mode", "test"], "--mode"),
        (&["--port", "80"], "--port"),
        (&["--config", "missing.toml"], "missing.toml"),
        (
            &["--mode", "production"],
            "production mode needs a way to send email",
        ),
        (&["--listen", "0.0.0.0:0"], "loopback"),
        (&["--listen", "[::]:0"], "loopback"),
        (&["--listen", "192.0.2.1:0"], "loopback"),
    ] {
        let reason = refusal(command(folder.path()).args(arguments));
        assert!(reason.contains(named), "{arguments:?}: {reason}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "a server that does not start leaves nothing behind"
    );
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let file = "listen = \"127.0.0.2:0\"\ndata_dir = \"from-file\"\nmode = \"production\"";
    let program = Program::start_with(file, |command| {
        command.args(["--data-dir", "from-flag"]).envs([
            ("FAROE_DATA_DIR", "from-environment"),
            ("FAROE_LISTEN", "127.0.0.3:0"),
            ("FAROE_MODE", "development"),
        ])
    });
    assert_eq!(program.address.ip().to_string(), "127.0.0.3");
    assert!(program.folder.path().join("from-flag").is_dir());
    assert!(!program.folder.path().join("from-environment").exists());

    let program = Program::start("data_dir = \"from-file\"");
    assert!(program.folder.path().join("from-file").is_dir());
}

#[test]
fn places_can_be_named_by_flags_and_environment() {
    let program = Program::start_with("storage = \"sqlite:from-file\"", |command| {
        command
            .args([
                "--listen",
                "127.0.0.1:0",
                "--user-store",
                "sqlite:from-flag",
            ])
            .envs([
                ("FAROE_USER_STORE", "sqlite:from-environment"),
                ("FAROE_RATE_LIMIT_STORAGE", "sqlite:limits"),
            ])
    });
    let exists = |name: &str| program.folder.path().join(name).exists();
    assert!(exists("from-file") && exists("from-flag") && exists("limits"));
    assert!(!exists("from-environment") && !exists("faroe-data"));
}

#[test]
fn a_url_of_the_environment_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, named) in [
        ("FAROE_STORAGE", "storage: expected"),
        ("FAROE_MAIN_STORAGE", "main_storage: expected"),
        ("FAROE_RATE_LIMIT_STORAGE", "rate_limit_storage: expected"),
        ("FAROE_CACHE", "cache: expected"),
        ("FAROE_USER_STORE", "user_store: expected"),
        (
            "FAROE_PASSWORD_BREACH_CHECK_URL",
            "passwords.breach_check_url: expected",
        ),
    ] {
        let url = "oracle://user:canary@host";
        let reason = refusal(command(folder.path()).env(variable, url));
        assert!(reason.contains(named), "{reason}");
        let mut help = command(folder.path());
        let help = help.env(variable, url).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains(variable), "{help}");
        assert!(!(reason + &help).contains("canary"));
    }
}

#[test]
fn the_file_can_be_named_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        refusal(command(folder.path()).env("FAROE_CONFIG", "other.toml")).contains("other.toml")
    );
}

#[test]
fn help_and_version_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |flag| {
        String::from_utf8(command(folder.path()).arg(flag).output().unwrap().stdout).unwrap()
    };
    assert_eq!(
        told("--version"),
        concat!("faroe-server ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = told("--help");
    for word in [
        "--listen",
        "FAROE_LISTEN",
        "--data-dir",
        "--config",
        "127.0.0.1:4000",
        "/dev/emails",
        "./faroe-data",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

#[cfg(unix)]
#[test]
fn the_data_folder_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let program = Program::start("");
    let folder = program.folder.path().join("faroe-data");
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert!(folder.join("storage.sqlite3").is_file());
    assert!(folder.join("users.sqlite3").is_file());
}

#[test]
fn no_data_folder_is_made_when_nothing_is_kept_there() {
    let program = Program::start("storage = \"memory:\"\nuser_store = \"sqlite:my.sqlite3\"");
    assert_eq!(program.get("/ready").status, 200);
    assert!(program.folder.path().join("my.sqlite3").is_file());
    assert!(!program.folder.path().join("faroe-data").exists());
}
