//! Every flow from start to end, over the wire: the values and emails that a user gets, and the changes afterwards.

mod session;
mod signin;
mod signup;
mod user_deletion;
mod user_email_address_update;
mod user_password_reset;
mod user_password_update;

use faroe_core::{email::EmailMessage, time::Clock};
use faroe_tests::server::TestServer;

/// The address of the user in most tests.
const USER: &str = "ada@example.com";

/// Returns the server's time in seconds.
fn now(server: &TestServer) -> i64 {
    server.clock.now().to_timestamp().as_seconds()
}

/// Returns the user's ID in the application's type.
fn name_user(server: &TestServer, user_id: &str, display_name: &str) {
    server.users.change_user(&user_id.into(), |user| {
        display_name.clone_into(&mut user.display_name)
    });
}

/// Returns the recipient and type of each message after the first `seen`.
fn sent_since(server: &TestServer, seen: usize) -> Vec<(String, &'static str)> {
    let messages = server.mailbox.messages();
    let describe = |message: &EmailMessage| (message.to.clone(), message.content.type_name());
    messages[seen..].iter().map(describe).collect()
}
