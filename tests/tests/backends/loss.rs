//! A storage that has lost all entries.

use faroe_tests::{
    binary::Binary,
    client::{NEW_PASSWORD, PASSWORD},
};
use serde_json::json;

use crate::backend::{Backend, address};

pub(crate) async fn the_loss_of_the_storage_costs_a_new_sign_in_and_nothing_else(backend: Backend) {
    let (program, user, newcomer) = (backend.start().await, address(), address());
    let session = program.sign_up(&user).await;
    let signup = program.ready_signup(&newcomer).await;
    let signin = program.ready_signin(&user, PASSWORD).await;
    let update = program.ready_user_password_update(&session).await;
    let reset = program.ready_user_password_reset(&user).await;
    drop(program);

    let program = Binary::start_with(&backend.lose_storage().await).await;
    for (action, arguments, answer) in [
        (
            "get_session",
            json!({ "session_token": session.token }),
            "invalid_session_token",
        ),
        (
            "complete_signup",
            json!({ "signup_token": signup }),
            "invalid_signup_token",
        ),
        (
            "complete_signin",
            json!({ "signin_token": signin }),
            "invalid_signin_token",
        ),
        (
            "complete_user_password_reset",
            json!({ "user_password_reset_token": reset }),
            "invalid_user_password_reset_token",
        ),
    ] {
        assert_eq!(program.refusal(action, arguments).await, answer, "{action}");
    }
    let session = program.sign_in(&user, PASSWORD).await;
    let of = json!({ "session_token": session.token, "user_password_update_token": update });
    let refused = program.refusal("complete_user_password_update", of).await;
    assert_eq!(refused, "invalid_password_update_token");
    assert_eq!(
        program.try_password(&user, NEW_PASSWORD).await,
        "incorrect_password"
    );
    program.sign_up(&newcomer).await;
}
