//! Users whose password hashes other software has made.

use std::{collections::BTreeSet, fs, path::Path};

use faroe_testkit::promise;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::Program;

/// Costs that take a moment in a test.
const CONFIGURATION: &str = r#"
user_store = "sqlite:users.db"
[hashing]
memory_kib = 1024
iterations = 1
previous = [
    "bcrypt",
    "argon2",
    "scrypt",
    "pbkdf2",
    "firebase_scrypt",
    { memory_kib = 512, iterations = 2 },
    { id = "argon2id.3.512.2.16", memory_kib = 512, iterations = 3, parallelism = 2, hash_length = 16 },
]
"#;

/// Stores a user in the database of the program.
fn store(database: &Connection, address: &str, hash: &[u8], algorithm_id: &str, salt: &[u8]) {
    database
        .execute(
            "INSERT INTO users (id, email_address, password_hash, password_hash_algorithm_id, password_salt) \
             VALUES (?1, ?1, ?2, ?3, ?4)",
            (address, hash, algorithm_id, salt),
        )
        .unwrap();
}

fn algorithm_id(database: &Connection, address: &str) -> String {
    let select = "SELECT password_hash_algorithm_id FROM users WHERE email_address = ?1";
    let row = database.query_row(select, [address], |row| row.get(0));
    row.unwrap()
}

/// Tries a password in a sign-in of its own, and returns the token and the error code, `null` if it is correct.
fn try_password(program: &Program, address: &str, password: &str) -> (Value, Value) {
    let create = json!({ "user_email_address": address });
    let token = program.values("create_signin", &create)["signin_token"].take();
    let verify = json!({ "signin_token": token, "password": password });
    let mut answer = program
        .invoke("verify_signin_user_password", &verify)
        .json();
    (token, answer["error_code"].take())
}

fn started() -> (Program, Connection) {
    let program = Program::start(CONFIGURATION);
    let database = Connection::open(program.folder.path().join("users.db")).unwrap();
    (program, database)
}

#[test]
fn p80_users_of_other_software_sign_in_and_get_a_new_hash() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../faroe-password-hashes/tests/vectors/hashes.json");
    let vectors: Vec<Value> = serde_json::from_str(&fs::read_to_string(vectors).unwrap()).unwrap();
    let (program, database) = started();
    let mut seen = BTreeSet::new();
    for vector in &vectors {
        let text = |key: &str| vector[key].as_str().unwrap();
        let (password, hash) = (text("password"), text("hash"));
        // One hash by each program, of each form: a form differs from others up to its first number of several digits.
        let form: String = hash.chars().take(9).collect();
        if !password.starts_with("seventy-two") || !seen.insert((text("made_by"), form)) {
            continue;
        }
        let address = format!("user{}@example.com", seen.len());
        store(&database, &address, hash.as_bytes(), "", b"");
        let (_, wrong) = try_password(&program, &address, "not the password of anyone");
        assert_eq!(wrong, "incorrect_password", "{hash}");
        assert_eq!(algorithm_id(&database, &address), "", "{hash}");
        let (token, right) = try_password(&program, &address, password);
        assert_eq!(right, Value::Null, "{hash}");
        program.values("complete_signin", &json!({ "signin_token": token }));
        assert_eq!(
            algorithm_id(&database, &address),
            "argon2id.1024.1.1.32",
            "{hash}"
        );
        let (_, right) = try_password(&program, &address, password);
        assert_eq!(right, Value::Null, "{hash}");
    }
    let programs: BTreeSet<_> = seen.iter().map(|(made_by, _)| made_by).collect();
    assert!(programs.len() >= 9, "{programs:?}");
    promise::report(
        "P80",
        format_args!(
            "{} users of {} programs sign in",
            seen.len(),
            programs.len()
        ),
    );
}

#[test]
fn hashes_in_three_columns_are_told_apart_by_their_whole_id() {
    // Made with argon2-cffi: `hash_secret_raw(b"correct horse battery staple", bytes(16), 3, 512, 2, 16, Type.ID)`, and the
    // same with 2 iterations, 1 lane and 32 bytes.
    let go = hexadecimal("9d1d784714298c486795f888e9d7387f");
    let ours = hexadecimal("245daa6b34c1721a204d187eee138583640a9333a55f318416ecf67dbca1494e");
    let (mut program, database) = started();
    let password = "correct horse battery staple";
    store(
        &database,
        "go@example.com",
        &go,
        "argon2id.3.512.2.16",
        &[0; 16],
    );
    store(
        &database,
        "ours@example.com",
        &ours,
        "argon2id.512.2.1.32",
        &[0; 16],
    );
    store(
        &database,
        "other@example.com",
        &ours,
        "argon2id.2.512.1.32",
        &[0; 16],
    );
    for address in ["go@example.com", "ours@example.com"] {
        assert_eq!(try_password(&program, address, password).1, Value::Null);
        assert_eq!(algorithm_id(&database, address), "argon2id.1024.1.1.32");
    }
    let (_, answer) = try_password(&program, "other@example.com", password);
    assert_eq!(answer, "internal_error");
    program.wait_for_log("the kind of its hash, argon2id.2.512.1.32, is not configured");
}

#[test]
fn a_hash_of_endless_cost_and_a_malformed_one_are_told_in_the_log() {
    let (mut program, database) = started();
    let endless = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    store(
        &database,
        "endless@example.com",
        endless.as_bytes(),
        "",
        b"",
    );
    store(&database, "malformed@example.com", b"$2b$04$CCCC", "", b"");
    let password = "correct horse battery staple";
    let (_, answer) = try_password(&program, "endless@example.com", password);
    assert_eq!(answer, "internal_error");
    program.wait_for_log("the bcrypt hash takes 4 KiB and about");
    let (_, answer) = try_password(&program, "malformed@example.com", password);
    assert_eq!(answer, "incorrect_password");
    program.wait_for_log("the bcrypt hash is malformed: the salt is too short");
}

fn hexadecimal(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}
