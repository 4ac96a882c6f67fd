//! The examples, run as a reader runs them.

use std::process::Stdio;

use faroe_tests::{
    binary::built,
    client::PASSWORD,
    wire::{Wire, text},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::backend::{Backend, address};

pub(crate) async fn the_example_signs_a_user_up(backend: Backend) {
    sign_up(
        &format!("example-{}", backend.kind.name()),
        &backend.storage(),
    )
    .await;
}

pub(crate) async fn the_example_in_memory_signs_a_user_up(_: Backend) {
    sign_up("example-memory", "").await;
}

async fn sign_up(example: &str, url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Command::new(built(example))
        .arg("127.0.0.1:0")
        .env("DATABASE_URL", url)
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = output.next_line().await.unwrap().expect("it starts");
    let wire = Wire::new(line.strip_prefix("listening on ").unwrap());
    let (invoke, user) = (
        async |action: &str, arguments: Value| wire.invoke(action, arguments).await.values(),
        address(),
    );

    let created = invoke("create_signup", json!({ "email_address": user })).await;
    let token = text(&created["signup_token"]);
    let line = output
        .next_line()
        .await
        .unwrap()
        .expect("it prints the code");
    let (to, code) = line.rsplit_once(": ").unwrap();
    assert!(to.contains(&user), "{line}");
    let verify = json!({ "signup_token": token, "email_address_verification_code": code });
    invoke("verify_signup_email_address_verification_code", verify).await;
    let set = json!({ "signup_token": token, "password": PASSWORD });
    invoke("set_signup_password", set).await;
    let completed = invoke("complete_signup", json!({ "signup_token": token })).await;
    let of = json!({ "session_token": completed["session_token"] });
    let got = invoke("get_session", of).await;
    assert_eq!(got["session"], completed["session"]);
}
