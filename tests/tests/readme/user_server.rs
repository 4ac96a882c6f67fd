//! The user server of `examples/user-server` and a Faroe server in front of it, as in the two terminals of its README.

use std::process::Stdio;

use faroe_tests::{
    binary::{Binary, Settings, built},
    client::PASSWORD,
    wire::http_client,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

const TOKEN: &str = "the-token-of-this-test-and-no-other";

/// Signs up and in at a server whose users are in the example.
pub(crate) async fn try_it_in_two_terminals() {
    let mut users = Command::new(built("example-user-server"))
        .arg("127.0.0.1:0")
        .env("USERS_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(users.stdout.take().unwrap()).lines();
    let line = output.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    let server = Binary::start_with(&Settings {
        environment: vec![
            ("USER_STORE", url.to_owned()),
            ("USER_SERVER_BEARER_TOKEN", TOKEN.to_owned()),
        ],
        ..Settings::default()
    })
    .await;

    server.sign_up("ada@example.com").await;
    let session = server.sign_in("ada@example.com", PASSWORD).await;
    assert_eq!(server.session_state(&session).await, "ok");
    let accounts = http_client().get(format!("{url}/accounts")).send().await;
    let accounts = accounts.unwrap().text().await.unwrap();
    assert_eq!(accounts, "0 ada@example.com\n");
}
