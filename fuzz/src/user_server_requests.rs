//! Request bodies at a user server.
//!
//! Only a request by the protocol's description, read by another parser, invokes an action; anything else is refused.

use std::sync::Arc;

use faroe_core::protocol::schema::user_server_actions;
use faroe_testkit::user_store::ReferenceUserStore;
use faroe_user_server::{Protection, UserServer, UserServerOptions};
use http::{Request, StatusCode};

use crate::{
    Run,
    requests::{outcome, requested},
    user_server_answers::user,
    world::runtime,
};

pub(crate) fn start() -> Run {
    let runtime = runtime();
    let actions = user_server_actions();
    let users = Arc::<ReferenceUserStore>::default();
    let options = UserServerOptions::default();
    let server = UserServer::new(Arc::clone(&users) as _, Protection::None, options);
    let head = Request::post("/").body(()).expect("a valid request");
    let (head, ()) = head.into_parts();
    Box::new(move |body| {
        users.set_users([user()]);
        let answer = runtime.block_on(server.answer(&head, body));
        match (answer.status(), requested(body, &actions)) {
            (StatusCode::OK, Some(action)) => {
                // A counter at its maximum is a fault.
                outcome(action, answer.body(), true);
            }
            (StatusCode::PAYLOAD_TOO_LARGE, None) => assert!(body.len() > 64 * 1024),
            (StatusCode::BAD_REQUEST, None) => assert!(answer.body().len() < 200),
            (status, requested) => {
                let requested = requested.map(|action| action.name);
                panic!("{status} to what asks for {requested:?}");
            }
        }
        users.take_calls();
    })
}
