//! Flags, environment and file: what wins, what is refused and how.

use std::{fs, io::BufRead};

use faroe_testkit::promise;
use serde_json::json;

use crate::support::{Program, assert_refused, command, refusal, write_private};

#[test]
fn p56_a_bad_setting_is_refused_with_one_line_that_names_it() {
    let settings = [
        ("listn = \"127.0.0.1:0\"", "line 1: listn: unknown key"),
        (
            "\n\n[session]\ninactivity_timeot = \"1 day\"",
            "line 4: session.inactivity_timeot: unknown key",
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
        (
            "[passwords]\nminimum_length = 7",
            "passwords.minimum_length: expected a number from 8 to 64",
        ),
        (
            "[passwords]\nminimum_length = 65",
            "passwords.minimum_length: expected a number from 8 to 64",
        ),
        ("[passwords]\nbreach_check = true", "passwords.breach_check"),
        (
            "[passwords]\nbreach_check_url = \"https://me:canary@example.com\"",
            "passwords.breach_check_url: expected a URL such as",
        ),
        (
            "[passwords]\nbreach_check_url = \"http://example.com\"",
            "http is only allowed for this machine",
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
            "ip_rate_limit.trust_proxies: unknown key",
        ),
        ("[http]\nmax_connections = 0", "http.max_connections"),
        ("[http]\nallowed_origins = [\"*\"]", "http.allowed_origins"),
        (
            "[http]\nallowed_origins = [\"https://app.example.com/\"]",
            "http.allowed_origins[0]: expected an origin as browsers send it",
        ),
        (
            "[http]\nallowed_origins = [\"app.example.com\"]",
            "http.allowed_origins[0]: expected an origin as browsers send it",
        ),
        ("[http]\ndrain_delay = \"0s\"", "http.drain_delay"),
        (
            "[http]\nkeep_alive_timeout = \"0s\"",
            "http.keep_alive_timeout",
        ),
        (
            "[http]\nblocked_actions = [\"create_sinup\"]",
            "create_sinup",
        ),
        ("mode = \"prod\"", "mode"),
        ("listen = \"localhost\"", "listen"),
        ("log = \"faroe_server=loud\"", "log: expected a filter"),
        (
            "storage = \"oracle://user:canary@host/database\"",
            "storage: expected \"sqlite:PATH\"",
        ),
        (
            "storage = \"redis://user:canary@host:port\"",
            "storage (Redis): ",
        ),
        (
            "user_store = \"postgres://user:canary@host:1/database?sslmode=soon\"",
            "user_store (PostgreSQL at host:1): ",
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
            "users_table.nam: unknown key",
        ),
        (
            "user_store = \"sqlite:missing.sqlite3\"\n[users_table]",
            "missing.sqlite3",
        ),
        ("listen = \"0.0.0.0:0\"", "loopback"),
        ("mode = \"production\"", "set email_sender"),
        ("storage = \"postgres://me:canary@host", "line 1"),
        ("storage = [\"postgres://me:canary@host\"]", "storage"),
        (
            "email.password = \"canary\"",
            "email.password: expected { file",
        ),
        (
            "user_server.bearer_tokens = [\"canary\"]",
            "user_server.bearer_tokens[0]: expected { file",
        ),
        (
            "user_server.bearer_tokens = [{ environment = \"FAROE_NO_SUCH\" }]",
            "FAROE_NO_SUCH is not set",
        ),
        ("[http]\nheader_timeout = \"0s\"", "http.header_timeout"),
        (
            "[timeouts]\nuser_store = \"0s\"",
            "timeouts.user_store: expected a duration",
        ),
        (
            "[http]\nallow_origins = []",
            "http.allow_origins: unknown key",
        ),
        ("[hashing]\npermit = 1", "hashing.permit: unknown key"),
        (
            "[user_server]\ntokens = []",
            "user_server.tokens: unknown key",
        ),
        (
            "[passwords]\nstrength = true",
            "passwords.strength: unknown key",
        ),
    ];
    for (configuration, named) in settings {
        let folder = tempfile::tempdir().unwrap();
        write_private(&folder.path().join("faroe.toml"), configuration);
        let arguments = ["--config", "faroe.toml"];
        let listen = match configuration.contains("listen") {
            true => &[][..],
            false => &["--listen", "127.0.0.1:0"],
        };
        assert_refused(command(folder.path()).args(arguments).args(listen), named);
    }
    let settings = settings.len();
    promise::report(
        "P56",
        format_args!("{settings} bad settings, each refused in one line"),
    );
}

#[cfg(unix)]
#[test]
fn p56_a_secret_that_everyone_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let url = |key: &str, url: &str| format!("{key} = \"{url}\"\n");
    let readable = "{ file = \"readable\" }";
    let places = [
        (url("storage", "redis://:canary@host:port"), "FAROE_STORAGE"),
        (
            url("main_storage", "postgres://me:canary@host/db?sslmode=soon"),
            "FAROE_MAIN_STORAGE",
        ),
        (
            url("rate_limit_storage", "mysql://host/db?password=canary"),
            "FAROE_RATE_LIMIT_STORAGE",
        ),
        (
            url("session.cache_expiration", "1m") + &url("cache", "redis://a:canary@host:port"),
            "FAROE_CACHE",
        ),
        (
            url("user_store", "postgres://me:canary@host/db?sslmode=soon"),
            "FAROE_USER_STORE",
        ),
        (
            url("email_sender", "smtps://me:canary@mail.example.com"),
            "FAROE_EMAIL_SENDER",
        ),
        (
            format!("user_server.bearer_tokens = [{readable}]"),
            "user_server.bearer_tokens: every user",
        ),
        (
            format!("user_server.keys.a = {readable}"),
            "user_server.keys.a: every user",
        ),
    ];
    for (configuration, named) in &places {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            path
        };
        write("readable", "canary");
        let file = write("faroe.toml", configuration);
        let start = |subcommand: &[&str], named: &str| {
            let arguments = ["--config", "faroe.toml", "--listen", "127.0.0.1:0"];
            let mut command = command(folder.path());
            assert_refused(command.args(subcommand).args(arguments), named);
        };
        for subcommand in [&[][..], &["check-config"], &["user-server"]] {
            start(subcommand, named);
            start(subcommand, "chmod 600 ");
        }
        // It is not the password that is refused.
        if !configuration.contains("readable") {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
            let arguments = ["--config", "faroe.toml", "--mode", "production"];
            let reason = refusal(command(folder.path()).args(arguments));
            assert!(!reason.contains("chmod"), "{reason}");
        }
    }
    let places = places.len();
    promise::report(
        "P56",
        format_args!("{places} secrets that everyone can read"),
    );
}

#[test]
fn p56_a_password_is_no_argument() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["--storage", "postgres://me:canary@host/db"][..],
        &["--main-storage=redis://:canary@host"],
        &["--user-store", "mysql://host/db?user=me&password=canary"],
        &["check-config", "--email-sender", "smtps://me:canary@host"],
        &["smtps://me:canary@host"],
        &["--verbose", "--cache", "redis://:canary@host"],
    ] {
        assert_refused(
            command(folder.path()).args(arguments),
            "put it into the environment (such as FAROE_STORAGE) or into the configuration file",
        );
    }
    promise::report("P56", "no password is an argument");
}

#[test]
fn p56_a_bad_flag_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        (&["--listen", "nowhere"][..], "--listen"),
        (
            &["--mode", "test"],
            "[possible values: development, production]",
        ),
        (&["--port", "80"], "--port"),
        (&["serve"], "serve"),
        (&["send-test-email"], "<ADDRESS>"),
        (&["--config", "missing.toml"], "missing.toml"),
        (
            &[
                "--ip-rate-limit",
                "true",
                "--ip-rate-limit-trusted-proxies",
                "canary",
            ],
            "--ip-rate-limit-trusted-proxies: ip_rate_limit.trusted_proxies: expected a whole number",
        ),
        (&["--mode", "production"], "production mode sends emails"),
        (&["--listen", "0.0.0.0:0"], "loopback"),
        (&["--listen", "[::]:0"], "loopback"),
        (&["--listen", "192.0.2.1:0"], "loopback"),
    ];
    for (arguments, named) in flags {
        assert_refused(command(folder.path()).args(arguments), named);
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "a server that does not start leaves nothing behind"
    );
    promise::report("P56", format_args!("{} bad flags", flags.len()));
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
fn every_key_can_be_set_by_the_environment() {
    let program = Program::start_with("http.blocked_actions = [\"create_signin\"]", |command| {
        command.args(["--listen", "127.0.0.1:0"]).envs([
            ("FAROE_USER_STORE", "sqlite:users.db\n"),
            ("FAROE_HTTP__BLOCKED_ACTIONS", "create_signup, get_session"),
            ("FAROE_RATE_LIMITS__SEND_EMAIL__CAPACITY", "1"),
        ])
    });
    assert!(program.folder.path().join("users.db").is_file());
    let blocked = json!({ "email_address": "a@example.com" });
    assert_eq!(program.invoke("create_signup", &blocked).status, 400);
    let allowed = json!({ "user_email_address": "a@example.com" });
    assert_eq!(program.invoke("create_signin", &allowed).status, 200);
}

#[test]
fn an_unknown_variable_is_a_warning_without_its_value() {
    let mut program = Program::start_with("", |command| {
        command.args(["--listen", "127.0.0.1:0"]).envs([
            ("FAROE_PORT", "tcp://canary:4000"),
            ("FAROE_SERVICE_HOST", "canary"),
            ("FAROE_SESION__INACTIVITY_TIMEOUT", "canary"),
            ("FAROE_LOG", "warn"),
        ])
    });
    let mut line = String::new();
    program.stderr.read_line(&mut line).unwrap();
    let expected = [
        "unknown environment variables are ignored",
        "\"FAROE_PORT\", \"FAROE_SERVICE_HOST\"",
        "FAROE_SESION__INACTIVITY_TIMEOUT; did you mean FAROE_SESSION__INACTIVITY_TIMEOUT?",
    ];
    for expected in expected {
        assert!(line.contains(expected), "{line}");
    }
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn the_reference_of_the_configuration_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    let output = command
        .arg("--config-reference")
        .env("FAROE_LISTEN", "nowhere")
        .output()
        .unwrap();
    assert!(output.status.success());
    let reference = String::from_utf8(output.stdout).unwrap();
    assert!(
        reference.starts_with("| key | value | default |"),
        "{reference}"
    );
    assert!(include_str!("../../README.md").contains(&reference));
    assert!(output.stderr.is_empty());
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
fn p56_a_url_of_the_environment_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("FAROE_STORAGE", "storage: expected"),
        ("FAROE_MAIN_STORAGE", "main_storage: expected"),
        ("FAROE_RATE_LIMIT_STORAGE", "rate_limit_storage: expected"),
        ("FAROE_CACHE", "cache: expected"),
        ("FAROE_USER_STORE", "user_store: expected"),
        (
            "FAROE_PASSWORD_BREACH_CHECK_URL",
            "passwords.breach_check_url: expected",
        ),
    ];
    for (variable, named) in variables {
        let url = "oracle://user:canary@host";
        assert_refused(command(folder.path()).env(variable, url), named);
        let mut help = command(folder.path());
        let help = help.env(variable, url).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains(variable), "{help}");
        assert!(!help.contains("canary"));
    }
    let variables = variables.len();
    promise::report(
        "P56",
        format_args!("{variables} bad URLs in the environment"),
    );
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
