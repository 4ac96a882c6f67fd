//! Every flow from its start to its end, over the wire: what a user gets, and what has changed for the user after it.

mod session;
mod signin;
mod signup;
mod user_deletion;
mod user_email_address_update;
mod user_password_reset;
mod user_password_update;

use faroe_core::{email::EmailMessage, time::Clock};
use faroe_tests::server::TestServer;

/// The address of the user whom most tests are about.
const USER: &str = "ada@example.com";

/// The second that it is on the server.
fn now(server: &TestServer) -> i64 {
    server.clock.now().to_timestamp().as_seconds()
}

/// Names the user, as the application does.
fn name_user(server: &TestServer, user_id: &str, display_name: &str) {
    server.users.change_user(&user_id.into(), |user| {
        display_name.clone_into(&mut user.display_name)
    });
}

/// The messages that were sent after the first `seen`, each with its recipient and type.
fn sent_since(server: &TestServer, seen: usize) -> Vec<(String, &'static str)> {
    let messages = server.mailbox.messages();
    let describe = |message: &EmailMessage| (message.to.clone(), message.content.type_name());
    messages[seen..].iter().map(describe).collect()
}
