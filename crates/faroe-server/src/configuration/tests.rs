use std::{sync::Arc, time::Duration};

use faroe_axum::ip_rate_limit::IpRateLimitOptions;
use faroe_core as core;
use faroe_password_hashes::Kind;
use faroe_pwned_passwords::PwnedPasswordsOptions;

use super::*;

/// Returns sources with these environment variables.
fn environment(variables: &[(&str, &str)]) -> Sources {
    let variables = variables.iter();
    let mut sources = Sources::default();
    sources
        .environment
        .extend(variables.map(|(name, value)| (name.into(), value.into())));
    sources
}

fn settings(variables: &[(&str, &str)]) -> Box<Settings> {
    let sources = environment(variables);
    Configuration::load(&sources).unwrap().settings
}

fn refusal(variables: &[(&str, &str)]) -> String {
    let sources = environment(variables);
    Configuration::load(&sources).unwrap_err().to_string()
}

/// Returns the settings of a file.
fn of_file(text: &str) -> Settings {
    let mut layers = Node::defaults(Settings::SHAPE);
    let mut file = file::parse(text, &"faroe.toml".into()).unwrap();
    rate_limits::turn_on(&mut file).unwrap();
    layers.merge(file, Settings::SHAPE);
    deserializer::read(&layers).unwrap()
}

#[test]
fn the_readme_shows_the_reference() {
    let readme = include_str!("../../README.md");
    assert!(
        readme.contains(&config_reference()),
        "replace the table in README.md by the output of `faroe-server --config-reference`"
    );
}

#[test]
fn the_examples_of_the_readme_are_understood() {
    let readme = include_str!("../../README.md");
    let examples = readme.split("```toml\n").skip(1);
    let examples = examples.map(|example| of_file(example.split_once("```").unwrap().0));
    let [hashes, settings] = <[Settings; 2]>::try_from(examples.collect::<Vec<_>>()).unwrap();
    assert_eq!(hashes.hashing.previous.len(), 7);
    let table = settings.users_table.unwrap();
    assert_eq!(table.columns.email_address, "email");
    let send_email = core::RateLimit::from(settings.rate_limits.send_email);
    assert_eq!(send_email.capacity, 5);
    assert_eq!(send_email.interval, Duration::from_secs(600));
    let expiration = settings.session.absolute_expiration;
    assert_eq!(expiration, Some(Duration::from_secs(90 * 86_400)));
    let limit = settings.ip_rate_limit.options().unwrap().unwrap();
    assert_eq!(limit.attempts.capacity, 100);
}

#[test]
fn settings_that_are_not_given_have_the_defaults_of_the_libraries() {
    let settings = Settings::default();
    let session = core::SessionConfiguration::from(settings.session);
    assert_eq!(session, core::SessionConfiguration::default());
    let rate_limits = core::RateLimits::from(settings.rate_limits);
    assert_eq!(rate_limits, core::RateLimits::default());
    let timeouts = core::Timeouts::from(settings.timeouts);
    assert_eq!(timeouts, core::Timeouts::default());
    let hashing = settings.hashing;
    assert_eq!(hashing.concurrency(), core::Hashing::default());
    assert_eq!(
        hashing.current(),
        faroe_argon2::Parameters {
            memory_kib: 65_536,
            iterations: 3,
            parallelism: 1,
            hash_length: 32
        }
    );
    assert!(hashing.previous.is_empty());
    assert_eq!(
        hashing.previous_bounds(),
        faroe_password_hashes::Bounds::default()
    );
    let http = settings.http;
    let times = [http.header_timeout, http.body_timeout, http.request_timeout];
    assert_eq!(times, [5, 10, 15].map(Duration::from_secs));
    assert_eq!(http.max_connections.get(), 1024);
    let passwords = settings.passwords;
    let breach_check = passwords.breach_check_options(Mode::Production).unwrap();
    assert_eq!(
        breach_check.base_url,
        PwnedPasswordsOptions::default().base_url
    );
    assert!(passwords.strength_check);
}

#[test]
fn variables_are_read_as_the_type_of_their_key() {
    let settings = settings(&[
        ("FAROE_HTTP__MAX_CONNECTIONS", "7"),
        ("FAROE_HTTP__HEADER_TIMEOUT", "1h 30m"),
        (
            "FAROE_HTTP__ALLOWED_ORIGINS",
            "https://a.example, http://[::1]:5173",
        ),
        (
            "FAROE_HTTP__BLOCKED_ACTIONS",
            "[\"create_signup\", \"create_signin\"]",
        ),
        ("FAROE_SESSION__ABSOLUTE_EXPIRATION", "90 days"),
        (
            "FAROE_SESSION__END_OTHER_SESSIONS_ON_PASSWORD_CHANGE",
            "false",
        ),
        ("FAROE_HASHING__PERMITS", "2"),
        (
            "FAROE_HASHING__PREVIOUS",
            "[{ memory_kib = 19456, iterations = 2 }, \
             { id = \"argon2id.3.65536.4.32\", memory_kib = 65536, iterations = 3, parallelism = 4 }, \"pbkdf2\", \
             { firebase_scrypt = { signer_key = { environment = \"KEY\" }, salt_separator = \"Bw==\" } }]",
        ),
        ("FAROE_HASHING__PREVIOUS_MAX_TIME", "500ms"),
        ("FAROE_RATE_LIMITS__SEND_EMAIL", "{ capacity = 3 }"),
        ("FAROE_RATE_LIMITS__SEND_EMAIL__INTERVAL", "10 minutes"),
        ("FAROE_EMAIL__PRODUCT_NAME", "1234"),
        ("FAROE_EMAIL__SIGNING_KEY_ID", "true"),
        ("FAROE_EMAIL__LOCALE", "[de]"),
        ("FAROE_PASSWORDS__BREACH_CHECK", "fail-closed"),
        ("FAROE_USER_STORE", "sqlite:users"),
        ("FAROE_USERS_TABLE__COLUMNS__EMAIL_ADDRESS", "123"),
        ("FAROE_USERS_TABLE__COLUMNS__DISPLAY_NAME", ""),
        ("FAROE_USERS_TABLE__ID_GENERATION", "database"),
        ("FAROE_USERS_TABLE__SIGNUP_FIELDS", "full_name, age"),
    ]);
    let http = &settings.http;
    assert_eq!(http.max_connections.get(), 7);
    assert_eq!(http.header_timeout, Duration::from_secs(5400));
    let origins: Vec<_> = http
        .allowed_origins
        .iter()
        .map(|origin| origin.as_str())
        .collect();
    assert_eq!(origins, ["https://a.example", "http://[::1]:5173"]);
    assert_eq!(http.blocked_actions, ["create_signup", "create_signin"]);
    let session = &settings.session;
    assert_eq!(
        session.absolute_expiration,
        Some(Duration::from_secs(90 * 86_400))
    );
    assert!(!session.end_other_sessions_on_password_change);
    assert_eq!(settings.hashing.permits.unwrap().get(), 2);
    let costs = |memory_kib, iterations, parallelism| faroe_argon2::Parameters {
        memory_kib,
        iterations,
        parallelism,
        hash_length: 32,
    };
    let [
        PreviousHash::Argon2id {
            id: None,
            parameters,
        },
        PreviousHash::Argon2id {
            id: Some(id),
            parameters: of_go,
        },
        PreviousHash::Other(Kind::Pbkdf2),
        PreviousHash::Firebase(project),
    ] = settings.hashing.previous.as_slice()
    else {
        panic!("{:?}", settings.hashing.previous);
    };
    assert_eq!(*parameters, costs(19_456, 2, 1));
    assert_eq!(
        (id.as_str(), *of_go),
        ("argon2id.3.65536.4.32", costs(65_536, 3, 4))
    );
    assert_eq!(project.salt_separator, "Bw==");
    assert_eq!(
        settings.hashing.previous_max_time,
        Duration::from_millis(500)
    );
    let send_email = core::RateLimit::from(settings.rate_limits.send_email);
    assert_eq!(
        (send_email.capacity, send_email.interval),
        (3, Duration::from_secs(600))
    );
    assert_eq!(settings.email.product_name.unwrap(), "1234");
    assert_eq!(settings.email.signing_key_id, "true");
    assert_eq!(settings.email.locale, "[de]");
    let table = settings.users_table.unwrap();
    assert_eq!(table.columns.email_address, "123");
    assert_eq!(table.columns.display_name, None);
    let fields: Vec<_> = table.signup_fields.names().collect();
    assert_eq!(fields, ["age", "full_name"]);
}

#[test]
fn an_empty_variable_is_an_empty_list() {
    let settings = settings(&[("FAROE_HTTP__ALLOWED_ORIGINS", " ")]);
    assert!(settings.http.allowed_origins.is_empty());
}

#[test]
fn every_key_with_a_default_can_be_set_by_each_of_its_names() {
    let defaults = Defaults::new();
    let mut names = Vec::new();
    for entry in entries() {
        let default = defaults.of(&entry);
        if let (Shape::Value, None) = (entry.key.shape, entry.key.otherwise)
            && !default.is_empty()
        {
            let value = default.trim_matches('`').trim_matches('"').to_owned();
            names.extend(
                entry
                    .variables()
                    .into_iter()
                    .map(|name| (name, value.clone())),
            );
        }
    }
    assert!(names.len() > 40, "{names:?}");
    for (name, value) in names {
        let mut variables = vec![(name.as_str(), value.as_str())];
        if name.starts_with("FAROE_IP_RATE_LIMIT_") {
            variables.push(("FAROE_IP_RATE_LIMIT", "true"));
        }
        let sources = environment(&variables);
        let configuration = Configuration::load(&sources).unwrap();
        assert_eq!(configuration.unknown_variables, [""; 0], "{name}");
    }
}

#[test]
fn white_space_at_the_end_of_a_variable_is_no_part_of_it() {
    let settings = settings(&[
        ("FAROE_USER_STORE", "sqlite:users\n"),
        ("FAROE_LISTEN", "127.0.0.1:1\r\n"),
        ("FAROE_EMAIL_FROM", "a@example.com \t\n"),
        ("FAROE_SESSION__CACHE_EXPIRATION", "1 minute\n"),
    ]);
    assert_eq!(settings.user_store.unwrap().to_string(), "users");
    assert_eq!(settings.listen.port(), 1);
    assert_eq!(settings.email.from.unwrap(), "a@example.com");
    assert_eq!(
        settings.session.cache_expiration,
        Some(Duration::from_secs(60))
    );
}

#[test]
fn each_layer_wins_over_the_one_before_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faroe.toml");
    std::fs::write(
        &file,
        "log = \"file\"\nemail.from = \"file\"\nemail.reply_to = \"file\"\nemail.locale = \"file\"
        http.allowed_origins = [\"https://file.example\"]
        email.password = { environment = \"FILE\" }
        user_server.keys.a = { environment = \"FILE\" }
        rate_limits.send_email.capacity = 1",
    )
    .unwrap();
    let sources = environment(&[
        ("FAROE_LOG", "variable"),
        ("FAROE_EMAIL__FROM", "variable"),
        ("FAROE_EMAIL__REPLY_TO", "variable"),
        ("FAROE_EMAIL__PASSWORD__FILE", "variable"),
        ("FAROE_HTTP__ALLOWED_ORIGINS", "https://variable.example"),
        ("FAROE_RATE_LIMITS__SEND_EMAIL__INTERVAL", "1 day"),
    ]);
    let sources = sources
        .file(&file)
        .set("log", "flag")
        .set("email.from", "flag");
    let (given, _) = sources.layers().unwrap();
    let mut layers = Node::defaults(Settings::SHAPE);
    layers.merge(given, Settings::SHAPE);
    let settings: Settings = deserializer::read(&layers).unwrap();
    let email = &settings.email;
    assert_eq!(settings.log, "flag");
    assert_eq!(email.from.as_deref(), Some("flag"));
    assert_eq!(email.reply_to.as_deref(), Some("variable"));
    assert_eq!(email.locale, "file");
    assert_eq!(email.signing_key_id, "faroe");
    assert!(format!("{:?}", email.password).contains("File(\"variable\")"));
    assert_eq!(settings.http.allowed_origins.len(), 1);
    assert_eq!(
        settings.http.allowed_origins[0].as_str(),
        "https://variable.example"
    );
    assert_eq!(settings.user_server.keys.len(), 1);
    let send_email = core::RateLimit::from(settings.rate_limits.send_email);
    assert_eq!(
        (send_email.capacity, send_email.interval),
        (1, Duration::from_secs(86_400))
    );
}

#[test]
fn an_error_names_the_source_and_the_key_and_never_the_value() {
    for (variable, value, expected) in [
        (
            "FAROE_LISTEN",
            "canary",
            "FAROE_LISTEN: listen: invalid socket address",
        ),
        (
            "FAROE_MODE",
            "canary",
            "FAROE_MODE: mode: expected \"development\" or \"production\"",
        ),
        (
            "FAROE_HTTP__MAX_CONNECTIONS",
            "canary",
            "FAROE_HTTP__MAX_CONNECTIONS: http.max_connections: expected a whole number of at least 1",
        ),
        (
            "FAROE_HTTP__MAX_CONNECTIONS",
            "0",
            "FAROE_HTTP__MAX_CONNECTIONS: http.max_connections: expected a whole number of at least 1",
        ),
        (
            "FAROE_HASHING__QUEUE",
            "-1",
            "FAROE_HASHING__QUEUE: hashing.queue: expected a whole number",
        ),
        (
            "FAROE_HASHING__MEMORY_KIB",
            "99999999999",
            "FAROE_HASHING__MEMORY_KIB: hashing.memory_kib: expected a whole number up to",
        ),
        (
            "FAROE_HASHING__FAST",
            "canary",
            "FAROE_HASHING__FAST: hashing.fast: expected true or false",
        ),
        (
            "FAROE_HASHING__PREVIOUS",
            "canary",
            "FAROE_HASHING__PREVIOUS: hashing.previous[0]: expected { memory_kib",
        ),
        (
            "FAROE_HASHING__PREVIOUS",
            "[{ memory_kib = \"canary\" }]",
            "FAROE_HASHING__PREVIOUS: hashing.previous[0].memory_kib: expected a whole number",
        ),
        (
            "FAROE_HASHING__PREVIOUS",
            "[{ memory_kib = 65536 }]",
            "FAROE_HASHING__PREVIOUS: hashing.previous[0]: expected { memory_kib",
        ),
        (
            "FAROE_HASHING__PREVIOUS",
            "[\"bcrypt\", { firebase_scrypt = { signer_key = \"canary\", salt_separator = \"\" } }]",
            "FAROE_HASHING__PREVIOUS: hashing.previous[1].firebase_scrypt.signer_key: expected { file",
        ),
        (
            "FAROE_HASHING__PREVIOUS",
            "[{ id = \"argon2id.3.65536.1.32\", memory_kib = 65536, iterations = 4 }]",
            "FAROE_HASHING__PREVIOUS: hashing.previous[0]: the id names other costs than the rest of the table",
        ),
        (
            "FAROE_HASHING__PREVIOUS",
            "[canary",
            "FAROE_HASHING__PREVIOUS: hashing.previous: expected a TOML array",
        ),
        (
            "FAROE_SESSION__INACTIVITY_TIMEOUT",
            "canary",
            "FAROE_SESSION__INACTIVITY_TIMEOUT: session.inactivity_timeout: expected a duration",
        ),
        (
            "FAROE_SESSION",
            "canary",
            "FAROE_SESSION: session: expected a TOML table",
        ),
        (
            "FAROE_SESSION",
            "{ inactivity_timeot = \"canary\" }",
            "FAROE_SESSION: session.inactivity_timeot: unknown key; did you mean inactivity_timeout?",
        ),
        (
            "FAROE_HTTP__ALLOWED_ORIGINS",
            "https://a.example,canary",
            "FAROE_HTTP__ALLOWED_ORIGINS: http.allowed_origins[1]: expected an origin",
        ),
        (
            "FAROE_STORAGE",
            "oracle://me:canary@host",
            "FAROE_STORAGE: storage: expected \"sqlite:PATH\"",
        ),
        (
            "FAROE_USER_SERVER__BEARER_TOKENS",
            "canary",
            "FAROE_USER_SERVER__BEARER_TOKENS: user_server.bearer_tokens[0]: expected { file",
        ),
        (
            "FAROE_USERS_TABLE__NAM",
            "canary",
            "FAROE_USERS_TABLE__NAM: users_table.nam: unknown key; did you mean name?",
        ),
    ] {
        let refusal = refusal(&[(variable, value)]);
        assert!(refusal.starts_with(expected), "{refusal}");
        assert!(!refusal.contains("canary"), "{refusal}");
    }
    let name: Arc<str> = "faroe.toml".into();
    for (text, expected) in [
        (
            "\n[http]\nmax_connections = \"canary\"",
            "faroe.toml, line 3: http.max_connections: expected a whole number of at least 1, found a text",
        ),
        (
            "http.blocked_actions = [\n\"a\",\n3,\n]",
            "faroe.toml, line 3: http.blocked_actions[1]: expected a text, found a whole number",
        ),
        (
            "http = \"canary\"",
            "faroe.toml, line 1: http: expected a table, found a text",
        ),
        (
            "http.max_connections = 1.5",
            "faroe.toml, line 1: http.max_connections: expected a whole number of at least 1, found a number",
        ),
        (
            "log = 1979-05-27",
            "faroe.toml, line 1: log: expected a text, found something else",
        ),
        (
            "mode = \"canary\"",
            "faroe.toml, line 1: mode: expected \"development\" or \"production\"",
        ),
        ("\n\ncanary", "faroe.toml, line 3: "),
    ] {
        let read = file::parse(text, &name).and_then(|file| {
            let mut layers = Node::defaults(Settings::SHAPE);
            layers.merge(file, Settings::SHAPE);
            deserializer::read::<Settings>(&layers)
        });
        let refusal = read.unwrap_err().to_string();
        assert!(refusal.starts_with(expected), "{refusal}");
        assert!(!refusal.contains("canary"), "{refusal}");
    }
    let flag = Sources::default()
        .set("hashing.fast", "canary")
        .set("listen", "canary");
    let error = Configuration::load(&flag).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hashing.fast: hashing.fast: expected true or false"
    );
    assert_eq!(error.exit_status(), 2);
    let unknown = Sources::default().set("hashing.fats", "true");
    let error = Configuration::load(&unknown).unwrap_err().to_string();
    assert_eq!(error, "hashing.fats: unknown key");
}

#[test]
fn a_secret_in_a_variable_stays_there() {
    let settings = settings(&[
        ("FAROE_EMAIL__PASSWORD", "123456"),
        ("FAROE_EMAIL__SIGNING_KEY__FILE", "canary/key"),
    ]);
    let email = format!("{:?}", settings.email);
    assert!(
        email.contains("password: Some(Environment(\"FAROE_EMAIL__PASSWORD\"))"),
        "{email}"
    );
    assert!(
        email.contains("signing_key: Some(File(\"canary/key\"))"),
        "{email}"
    );
    assert!(!email.contains("123456"), "{email}");

    let refusal = refusal(&[("FAROE_USER_SERVER__KEYS__2026", "canary")]);
    let expected =
        "user_server.keys.2026: the environment variable FAROE_USER_SERVER__KEYS__2026 is not set";
    assert_eq!(
        refusal, expected,
        "it is read from the environment of the process"
    );
}

#[test]
fn two_variables_for_one_key_are_refused() {
    for (first, second) in [
        (
            ("FAROE_EMAIL_FROM", "canary"),
            ("FAROE_EMAIL__FROM", "canary"),
        ),
        (
            ("FAROE_RATE_LIMITS__SEND_EMAIL", "{ capacity = 2 }"),
            ("FAROE_RATE_LIMITS__SEND_EMAIL__CAPACITY", "2"),
        ),
    ] {
        let refusal = refusal(&[first, second]);
        assert!(
            refusal.contains(&format!("{} and {} both set", first.0, second.0))
                || refusal.contains(&format!("{} and {} both set", second.0, first.0)),
            "{refusal}"
        );
        assert!(!refusal.contains("canary"), "{refusal}");
    }
}

#[test]
fn variables_that_nothing_reads_are_told_apart() {
    let sources = environment(&[
        ("FAROE_CONFIG", "faroe.toml"),
        ("FAROE_USER_SERVER_BEARER_TOKEN", "canary"),
        ("FAROE_LOG", "info"),
        ("FAROE_EMAIL__PASSWORD__ENVIRONMENT", "FAROE_SMTP_PASSWORD"),
        ("FAROE_SMTP_PASSWORD", "canary"),
        ("FAROE_USER_SERVER__KEYS__OLD__ENVIRONMENT", "FAROE_OLD_KEY"),
        ("FAROE_OLD_KEY", "canary"),
        // Kubernetes sets these for a service named faroe.
        ("FAROE_PORT", "tcp://10.0.0.1:4000"),
        ("FAROE_SERVICE_HOST", "10.0.0.1"),
        ("FAROE_SESSION_INACTIVITY_TIMEOUT", "canary"),
        ("FAROE_Listen", "canary"),
        ("FAROE_EMAIL__", "canary"),
        ("FAROE_", "canary"),
    ]);
    let (given, others) = sources.layers().unwrap();
    let unknown = variables::unknown(&others, &given);
    assert_eq!(
        unknown,
        [
            "FAROE_",
            "FAROE_EMAIL__; did you mean FAROE_EMAIL?",
            "FAROE_Listen",
            "FAROE_PORT",
            "FAROE_SERVICE_HOST",
            "FAROE_SESSION_INACTIVITY_TIMEOUT; did you mean FAROE_SESSION__INACTIVITY_TIMEOUT?",
        ]
    );
}

#[test]
fn the_limit_per_ip_address_is_on_if_the_file_has_a_section_unless_it_is_said() {
    let name: Arc<str> = "faroe.toml".into();
    for (file, variable, expected) in [
        ("", None, false),
        ("", Some("true"), true),
        ("[ip_rate_limit]", None, true),
        ("[ip_rate_limit]", Some("false"), false),
        ("ip_rate_limit.enabled = false", None, false),
        ("ip_rate_limit.enabled = false", Some("true"), true),
    ] {
        let variables = variable.map(|value| ("FAROE_IP_RATE_LIMIT", value));
        let variables: Vec<_> = variables.into_iter().collect();
        let mut given = file::parse(file, &name).unwrap();
        given.merge(environment(&variables).layers().unwrap().0, Settings::SHAPE);
        rate_limits::turn_on(&mut given).unwrap();
        let mut layers = Node::defaults(Settings::SHAPE);
        layers.merge(given, Settings::SHAPE);
        let settings: Settings = deserializer::read(&layers).unwrap();
        let options = settings.ip_rate_limit.options().unwrap();
        let expected = expected.then(IpRateLimitOptions::default);
        assert_eq!(options, expected, "{file} {variable:?}");
    }
    let refusal = refusal(&[("FAROE_IP_RATE_LIMIT__ATTEMPTS__CAPACITY", "3")]);
    assert!(refusal.contains("FAROE_IP_RATE_LIMIT=true"), "{refusal}");
}

#[test]
fn a_url_with_a_password_can_stand_in_a_file_of_its_own() {
    use std::{fs, os::unix::fs::PermissionsExt};

    const URL: &str = "postgres://app:canary@db.example.com/app";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("storage-url");
    let place = path.display().to_string();
    fs::write(&path, format!("{URL}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let expected = StoragePlace::try_from(URL.to_owned()).unwrap();
    let in_variables = [
        ("FAROE_STORAGE__FILE", place.clone()),
        ("FAROE_STORAGE", format!("{{ file = \"{place}\" }}")),
    ];
    for (name, value) in &in_variables {
        let settings = settings(&[(name, value)]);
        assert_eq!(settings.storage.as_ref(), Some(&expected), "{name}");
        assert!(!format!("{settings:?}").contains("canary"));
    }
    let file = format!("storage = {{ file = \"{place}\" }}\nuser_store = {{ file = \"{place}\" }}");
    let settings = of_file(&file);
    assert_eq!(settings.storage, Some(expected));
    assert!(matches!(
        settings.user_store,
        Some(UserStorePlace::Postgres(_))
    ));

    let sender = refusal(&[("FAROE_EMAIL_SENDER__FILE", &place)]);
    assert!(sender.contains("email_sender"), "{sender}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let readable = refusal(&[("FAROE_STORAGE__FILE", &place)]);
    assert!(readable.contains("chmod 600"), "{readable}");
    let missing = refusal(&[("FAROE_STORAGE__FILE", "no-such-file")]);
    assert!(missing.contains("storage: read no-such-file"), "{missing}");
    for refusal in [sender, readable, missing] {
        assert!(!refusal.contains("canary"), "{refusal}");
    }
}
