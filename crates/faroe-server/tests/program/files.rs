//! SQLite files that are copied, restored, removed and replaced.
#![cfg(unix)]

use std::{fs, path::Path};

use faroe_testkit::promise;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::Program;

/// Starts the program with its default files in this folder.
fn start(data: &Path) -> Program {
    Program::start(&format!(
        "data_dir = \"{}\"\nlisten = \"127.0.0.1:0\"",
        data.display()
    ))
}

fn stop(mut program: Program) {
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(0));
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn has_user(program: &Program) -> bool {
    let create = json!({ "user_email_address": "ada@example.com" });
    program.invoke("create_signin", &create).json()["ok"] == json!(true)
}

#[test]
fn p64_after_a_clean_stop_each_file_is_whole_by_itself() {
    let folder = TempDir::new().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let program = start(&data);
    let signed_up = program.sign_up();
    stop(program);
    assert_eq!(files(&data), ["storage.sqlite3", "users.sqlite3"]);
    fs::create_dir(&copy).unwrap();
    for name in files(&data) {
        fs::copy(data.join(&name), copy.join(&name)).unwrap();
    }
    let program = start(&copy);
    program.values(
        "get_session",
        &json!({ "session_token": signed_up["session_token"] }),
    );
    stop(program);
    promise::report("P64", "program: stopped, copied, and started from the copy");
}

#[test]
fn p64_a_backup_of_a_running_program_is_restored() {
    let folder = TempDir::new().unwrap();
    let (data, backup) = (
        folder.path().join("data"),
        folder.path().join("users.sqlite3"),
    );
    let program = start(&data);
    program.sign_up();
    let users = data.join("users.sqlite3");
    let connection = Connection::open(&users).unwrap();
    connection
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    connection.execute("DELETE FROM users", []).unwrap();
    drop(connection);
    assert!(!has_user(&program));
    stop(program);
    fs::rename(&backup, &users).unwrap();
    let program = start(&data);
    assert!(has_user(&program));
    promise::report("P64", "program: a backup made while it ran, restored");
}

#[test]
fn p64_a_data_folder_that_is_removed_acknowledges_nothing() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let mut program = start(&data);
    program.sign_up();
    fs::remove_dir_all(&data).unwrap();
    let create = json!({ "email_address": "grace@example.com" });
    let answer = program.invoke("create_signup", &create).json();
    assert_eq!(answer["error_code"], "internal_error");
    program.wait_for_log("removed or replaced");
    assert_eq!(program.get("/ready").status, 503);
    promise::report("P64", "program: its data folder removed");
}
