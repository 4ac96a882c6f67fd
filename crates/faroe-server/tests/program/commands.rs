//! Commands of the program.

use std::{fs, path::Path};

use rusqlite::Connection;

use crate::support::{Program, command};

/// Runs the program to its end. Returns its status and its standard output.
fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = command(folder);
    let output = command
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn a_good_configuration_is_told_part_by_part() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("faroe.toml"),
        "rate_limit_storage = \"memory:\"\nsession.cache_expiration = \"1 minute\"",
    )
    .unwrap();
    let (status, told) = run(
        folder.path(),
        &["check-config", "--config", "faroe.toml"],
        &[],
    );
    let parts: Vec<_> = told
        .lines()
        .map(|line| line.strip_prefix("ok      ").unwrap())
        .collect();
    assert_eq!(
        parts,
        [
            "mode: development",
            "listen: 127.0.0.1:4000",
            "data folder: ./faroe-data",
            "storage: ./faroe-data/storage.sqlite3",
            "rate limit storage: memory",
            "cache: memory",
            "user store: ./faroe-data/users.sqlite3",
            "password hashes: of configured kinds",
            "limit per IP address: none",
            "emails: shown, not sent",
        ]
    );
    assert_eq!(status, Some(0));
}

#[test]
fn each_part_that_cannot_be_reached_is_told_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let (status, told) = run(
        folder.path(),
        &[
            "check-config",
            "--user-store",
            "sqlite:no/such/folder/users",
        ],
        &[
            ("FAROE_MAIN_STORAGE", "sqlite:no/such/folder/storage"),
            (
                "FAROE_RATE_LIMIT_STORAGE",
                "redis://user:canary@127.0.0.1:1",
            ),
        ],
    );
    let lines: Vec<_> = told.lines().collect();
    for (line, named) in [
        (0, "ok      mode: development"),
        (2, "FAILED  main_storage (no/such/folder/storage): "),
        (3, "FAILED  rate_limit_storage (Redis at 127.0.0.1:1): "),
        (4, "FAILED  user_store (no/such/folder/users): "),
    ] {
        assert!(lines[line].starts_with(named), "{told}");
    }
    assert_eq!((lines.len(), status), (7, Some(1)), "{told}");
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn the_previous_password_hashes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        |previous: &str| format!("storage = \"memory:\"\n[hashing]\nprevious = [{previous}]");
    let check = |previous: &str| {
        fs::write(folder.path().join("faroe.toml"), file(previous)).unwrap();
        run(
            folder.path(),
            &["check-config", "--config", "faroe.toml"],
            &[("KEY", "c2lnbmVyIGtleQ==")],
        )
    };
    let firebase = "{ firebase_scrypt = { signer_key = { environment = \"KEY\" }, salt_separator = \"Bw==\" } }";
    let (status, told) = check(&format!(
        "\"bcrypt\", {firebase}, {{ memory_kib = 19456, iterations = 2 }}, \
         {{ id = \"argon2id.3.65536.1.32\", memory_kib = 65536, iterations = 3 }}"
    ));
    let line = "ok      previous password hashes: bcrypt, firebase_scrypt, argon2id.19456.2.1.32, argon2id.3.65536.1.32\n";
    assert!(told.contains(line), "{told}");
    assert_eq!(status, Some(0));

    for (previous, reason) in [
        (
            firebase.replace("KEY", "NO_KEY"),
            "hashing.previous: the environment variable NO_KEY is not set",
        ),
        (
            firebase.replace("Bw==", "?"),
            "hashing.previous: the salt separator of Firebase must be in Base64",
        ),
        (
            "{ memory_kib = 1, iterations = 1 }".to_owned(),
            "hashing.previous: the memory of Argon2id must be",
        ),
    ] {
        let (status, told) = check(&previous);
        assert!(told.contains(&format!("FAILED  {reason}")), "{told}");
        assert_eq!(status, Some(1));
    }
}

#[test]
fn hashes_that_cannot_be_verified_are_told_by_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _) = run(folder.path(), &["check-config"], &[]);
    assert_eq!(status, Some(0));
    let users = Connection::open(folder.path().join("faroe-data/users.sqlite3")).unwrap();
    let a_hash = "0123456789abcdef0123456789abcdef01234567";
    for (address, kind) in [
        ("a", "argon2id.65536.3.1.32"),
        ("b", "argon2id.19456.2.1.32"),
        ("c", a_hash),
    ] {
        let insert = "INSERT INTO users (id, email_address, password_hash, password_hash_algorithm_id, password_salt) \
                      VALUES (?1, ?1, x'00', ?2, x'00')";
        users.execute(insert, [address, kind]).unwrap();
    }
    let (status, told) = run(folder.path(), &["check-config"], &[]);
    let line = told.lines().find(|line| line.contains("password hashes"));
    let line = line.unwrap();
    assert!(line.starts_with("FAILED  password hashes: "), "{line}");
    assert!(
        line.contains("argon2id.19456.2.1.32, of an unknown form: "),
        "{line}"
    );
    assert!(line.contains("list it in hashing.previous"), "{line}");
    assert!(!line.contains("65536") && !line.contains(a_hash), "{line}");
    assert_eq!(status, Some(1));

    let program = Program::start_with("", |command| {
        command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path().join("faroe-data"))
    });
    let mut program = program;
    program.wait_for_log("kind=\"argon2id.19456.2.1.32\"");

    users
        .execute("DELETE FROM users WHERE id = 'c'", ())
        .unwrap();
    fs::write(
        folder.path().join("faroe.toml"),
        "[hashing]\nprevious = [{ memory_kib = 19456, iterations = 2 }]",
    )
    .unwrap();
    let (status, told) = run(
        folder.path(),
        &["check-config", "--config", "faroe.toml"],
        &[],
    );
    assert!(told.contains("ok      password hashes: "), "{told}");
    assert_eq!(status, Some(0));
}

#[test]
fn hashes_in_one_column_are_told_by_kind_and_malformed_ones_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let people = Connection::open(folder.path().join("app.db")).unwrap();
    people
        .execute_batch(
            "CREATE TABLE people (
                id INTEGER PRIMARY KEY AUTOINCREMENT, email_address TEXT NOT NULL UNIQUE, password TEXT,
                email_address_counter INTEGER DEFAULT 0, password_hash_counter INTEGER DEFAULT 0,
                sessions_counter INTEGER DEFAULT 0
            );
            INSERT INTO people (email_address, password) VALUES
                ('a', '$2b$04$QfhCQNzR2r7nqYBlezCVNuinS26BtzpCl.6.Uz6hM.QOPT.RbPU76'), ('b', '$2b$04$CCCC'),
                ('c', '$2b$31$QfhCQNzR2r7nqYBlezCVNuinS26BtzpCl.6.Uz6hM.QOPT.RbPU76'), ('d', NULL), ('e', ''),
                ('f', 'pbkdf2_sha256$600000$abcdefgh$AAAA'),
                ('g', '5f4dcc3b5aa765d61d8327deb882cf99');",
        )
        .unwrap();
    let configuration = |previous: &str| {
        format!(
            "storage = \"memory:\"\nuser_store = \"sqlite:app.db\"\n\
             [users_table]\nname = \"people\"\nid_generation = \"database\"\npassword_hash_format = \"encoded\"\n\
             columns = {{ password_hash = \"password\", disabled = \"\", disabled_counter = \"\", display_name = \"\" }}\n\
             [hashing]\nprevious = [{previous}]\n"
        )
    };
    let check = |previous: &str| {
        fs::write(folder.path().join("faroe.toml"), configuration(previous)).unwrap();
        run(
            folder.path(),
            &["check-config", "--config", "faroe.toml"],
            &[],
        )
    };
    let (status, told) = check("\"bcrypt\"");
    let line = "FAILED  password hashes: of an unknown form, pbkdf2_sha256: users whose";
    assert!(told.contains(line), "{told}");
    let line = "WARNING password hashes that cannot be verified: 2; their users need a password reset; the first: ";
    assert!(told.contains(line), "{told}");
    assert!(
        told.contains("the bcrypt hash is malformed: the salt is too short"),
        "{told}"
    );
    assert!(
        !told.contains("CCCC") && !told.contains("5f4dcc3b"),
        "{told}"
    );
    assert_eq!(status, Some(1));

    let remove = "DELETE FROM people WHERE email_address IN ('f', 'g')";
    people.execute(remove, ()).unwrap();
    let (status, told) = check("\"bcrypt\"");
    assert!(
        told.contains("ok      password hashes: of configured kinds"),
        "{told}"
    );
    assert_eq!(status, Some(0));
}

#[cfg(unix)]
#[test]
fn a_storage_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _) = run(folder.path(), &["check-config"], &[]);
    assert_eq!(status, Some(0));
    let file = folder.path().join("faroe-data/storage.sqlite3");
    let lock = Connection::open(&file).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (status, told) = run(folder.path(), &["check-config"], &[]);
    for line in [
        "FAILED  storage (./faroe-data/storage.sqlite3): ",
        "ok      user store: ",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert_eq!(status, Some(1));
}

#[test]
fn the_limit_per_ip_address_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = "storage = \"memory:\"\n[ip_rate_limit]\nattempts.capacity = 50\nrequests.interval = \"10ms\"";
    fs::write(folder.path().join("faroe.toml"), file).unwrap();
    let (status, told) = run(
        folder.path(),
        &["check-config", "--config", "faroe.toml"],
        &[("FAROE_IP_RATE_LIMIT_TRUSTED_PROXIES", "2")],
    );
    let line = "ok      limit per IP address: attempts 50 and one every 30s, requests 500 and one every 10ms, trusted proxies 2\n";
    assert!(told.contains(line), "{told}");
    assert_eq!(status, Some(0));
}

#[test]
fn settings_stand_before_the_command_or_after_it_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("FAROE_LISTEN", "127.0.0.1:1"),
        ("FAROE_STORAGE", "memory:"),
    ];
    for (arguments, port) in [
        (vec!["--listen", "127.0.0.1:2", "check-config"], 2),
        (vec!["check-config", "--listen", "127.0.0.1:2"], 2),
        (vec!["check-config"], 1),
    ] {
        let (_, told) = run(folder.path(), &arguments, &environment);
        assert!(
            told.contains(&format!("listen: 127.0.0.1:{port}")),
            "{told}"
        );
        assert!(told.contains("storage: memory"), "{told}");
    }
}

#[test]
fn every_command_is_in_the_help() {
    let folder = tempfile::tempdir().unwrap();
    let (_, help) = run(folder.path(), &["--help"], &[]);
    for command in ["check-config", "send-test-email"] {
        assert!(help.contains(command), "{help}");
        let (status, help) = run(folder.path(), &[command, "--help"], &[]);
        assert_eq!(status, Some(0));
        assert!(help.contains("FAROE_CONFIG"), "{help}");
    }
}
