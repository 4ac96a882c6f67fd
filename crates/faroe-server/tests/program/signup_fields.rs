//! P81: fields at sign-up, from the configuration to the table.

use std::path::PathBuf;

use faroe_testkit::promise;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Program, command, refusal};

const USERS: &str = include_str!("../../../faroe-user-store-sqlite/schema.sql");
const VARIABLE: &str = "FAROE_USER_SERVER_BEARER_TOKEN";
const TOKEN: &str = "a-token-of-more-than-32-characters-+/=";

/// The users table of an application with a mandatory column, and one that no client may set.
struct Application {
    _folder: TempDir,
    path: PathBuf,
    database: Connection,
}

impl Application {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("app.db");
        let database = Connection::open(&path).unwrap();
        let columns =
            "full_name TEXT NOT NULL UNIQUE, is_admin INTEGER NOT NULL DEFAULT 0, disabled INTEGER";
        let table = USERS.replacen("disabled INTEGER", columns, 1);
        database.execute_batch(&table).unwrap();
        Self {
            _folder: folder,
            path,
            database,
        }
    }

    fn configuration(&self, fields: &str) -> String {
        let path = self.path.display();
        format!("user_store = \"sqlite:{path}\"\nusers_table.signup_fields = {fields}\n")
    }

    /// The name of each user, and whether they are an administrator.
    fn users(&self) -> Vec<(String, bool)> {
        let select = "SELECT full_name, is_admin FROM users ORDER BY full_name";
        let mut select = self.database.prepare(select).unwrap();
        let rows = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }
}

/// Returns the token of a sign-up that can be completed.
fn ready_signup(program: &Program, address: &str) -> Value {
    let create = json!({ "email_address": address });
    let token = program.values("create_signup", &create)["signup_token"].take();
    let emails = program.get("/dev/emails").json();
    let mut emails = emails.as_array().unwrap().iter();
    let email = emails.find(|email| email["to"] == address).unwrap();
    let verify = json!({ "signup_token": token, "email_address_verification_code": email["code"] });
    program.values("verify_signup_email_address_verification_code", &verify);
    let set = json!({ "signup_token": token, "password": "seven wet umbrellas" });
    program.values("set_signup_password", &set);
    token
}

fn refuses(program: &Program, token: &Value, fields: &[Value]) {
    for fields in fields {
        let complete = json!({ "signup_token": token, "user_fields": fields });
        let answer = program.invoke("complete_signup", &complete).json();
        assert_eq!(answer["error_code"], "invalid_user_fields", "{fields}");
    }
}

fn complete(program: &Program, token: &Value, fields: &Value) {
    let complete = json!({ "signup_token": token, "user_fields": fields });
    program.values("complete_signup", &complete);
}

#[test]
fn p81_a_mandatory_column_is_filled_at_sign_up_and_no_other() {
    let application = Application::new();
    let program = Program::start(&application.configuration("{ name = \"full_name\" }"));
    let token = ready_signup(&program, "ada@example.com");
    let without = program.invoke("complete_signup", &json!({ "signup_token": token }));
    assert_eq!(without.json()["error_code"], "invalid_user_fields");
    refuses(
        &program,
        &token,
        &[
            json!({}),
            json!({ "name": "Ada", "is_admin": true }),
            json!({ "full_name": "Ada" }),
            json!({ "name": 1 }),
            json!({ "name": "x".repeat(4096) }),
        ],
    );
    for fields in [
        json!(null),
        json!("Ada"),
        json!({ "name": null }),
        json!({ "name": ["Ada"] }),
    ] {
        let complete = json!({ "signup_token": token, "user_fields": fields });
        let response = program.invoke("complete_signup", &complete);
        assert_eq!(response.status, 400, "{fields}");
    }
    complete(&program, &token, &json!({ "name": "Ada" }));
    let other = ready_signup(&program, "grace@example.com");
    refuses(&program, &other, &[json!({ "name": "Ada" })]);
    complete(&program, &other, &json!({ "name": "Grace" }));
    let expected = [("Ada".to_owned(), false), ("Grace".to_owned(), false)];
    assert_eq!(application.users(), expected);
    promise::report(
        "P81",
        "a mandatory column, filled by clients of the program",
    );
}

#[test]
fn p81_only_listed_fields_reach_a_user_server() {
    let application = Application::new();
    let configuration = application.configuration("[\"full_name\", \"is_admin\"]");
    let users = Program::start_with(&configuration, |command| {
        command
            .args(["user-server", "--listen", "127.0.0.1:0"])
            .env(VARIABLE, TOKEN)
    });
    let configuration = format!(
        "user_store = \"http://{}/\"\nusers_table.signup_fields = [\"full_name\"]\n",
        users.address
    );
    let program = Program::start_with(&configuration, |command| {
        command
            .args(["--listen", "127.0.0.1:0"])
            .env(VARIABLE, TOKEN)
    });
    let token = ready_signup(&program, "ada@example.com");
    let refused = [json!({ "full_name": "Ada", "is_admin": true }), json!({})];
    refuses(&program, &token, &refused);
    complete(&program, &token, &json!({ "full_name": "Ada" }));
    assert_eq!(application.users(), [("Ada".to_owned(), false)]);
}

#[test]
fn p81_a_field_that_names_a_used_column_is_refused_at_start() {
    for (fields, expected) in [
        ("[\"display_name\"]", "already used"),
        ("{ name = \"PASSWORD_HASH\" }", "already used"),
        ("[\"nickname\"]", "does not exist"),
    ] {
        let application = Application::new();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("faroe.toml");
        std::fs::write(&file, application.configuration(fields)).unwrap();
        let mut command = command(folder.path());
        let refused = refusal(command.arg("--config").arg(&file));
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn p81_the_console_asks_for_the_fields() {
    let application = Application::new();
    let program = Program::start(&application.configuration("[\"full_name\"]"));
    let page = program.get("/dev").body;
    assert!(page.contains("\"signup_fields\":[\"full_name\"]"));
}
