//! The statements of `docs/administration.md`, run as an administrator runs them.

use std::fs;

use faroe_tests::client::{Client, PASSWORD};
use serde_json::json;

use crate::backend::{Backend, address};

/// Returns the statement under a heading, for the user with this address.
fn statement(heading: &str, email_address: &str, new_email_address: &str) -> String {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/administration.md");
    let text = fs::read_to_string(place).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once("```sql\n").unwrap();
    let (sql, _) = block.split_once("\n```").unwrap();
    assert!(sql.contains("'ada@example.com'"), "{sql}");
    sql.replace("ada@example.com", email_address)
        .replace("ada.king@example.com", new_email_address)
}

async fn create_signin(program: &Client, email_address: &str) -> String {
    let of = json!({ "user_email_address": email_address });
    program.refusal("create_signin", of).await
}

pub(crate) async fn the_statements_of_the_administrator_take_effect_at_once(backend: Backend) {
    let (program, user, renamed) = (backend.start().await, address(), address());
    let run = async |heading: &str, user: &str| {
        let sql = statement(heading, user, &renamed);
        backend.administer(&sql).await;
    };

    let session = program.sign_up(&user).await;
    run("Disable a user", &user).await;
    let ended = program.session_state(&session).await;
    assert_eq!(ended, "invalid_session_token");
    assert_eq!(create_signin(&program, &user).await, "user_disabled");

    run("Enable a user", &user).await;
    let ended = program.session_state(&session).await;
    assert_eq!(ended, "invalid_session_token");
    let session = program.sign_in(&user, PASSWORD).await;

    run("Sign a user out everywhere", &user).await;
    let ended = program.session_state(&session).await;
    assert_eq!(ended, "invalid_session_token");
    let session = program.sign_in(&user, PASSWORD).await;

    let reset = program.start_user_password_reset(&user).await;
    run("Change a user's address", &user).await;
    assert_eq!(program.session_state(&session).await, "ok");
    assert_eq!(create_signin(&program, &user).await, "user_not_found");
    let of = json!({ "user_password_reset_token": reset });
    let ended = program.refusal("get_user_password_reset", of).await;
    assert_eq!(ended, "invalid_user_password_reset_token");
    program.sign_in(&renamed, PASSWORD).await;

    run("Delete a user", &renamed).await;
    let ended = program.session_state(&session).await;
    assert_eq!(ended, "invalid_session_token");
    assert_eq!(create_signin(&program, &renamed).await, "user_not_found");
    program.sign_up(&renamed).await;
}
