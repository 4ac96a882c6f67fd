//! Request bodies at an endpoint whose user and flows they can name, as `<session_token>` and the like.
//!
//! Only a request by the protocol's description, read by another parser, invokes an action; anything else is refused and changes
//! nothing. Each answer is one that the action may give. Nothing fails, and nothing is overloaded.

use faroe_core::{endpoint::EndpointResponse, protocol::envelope::InvalidRequest};

use crate::{
    Run,
    requests::{outcome, requested},
    world::World,
};

pub(crate) fn start() -> Run {
    let world = World::new();
    Box::new(move |input| run(&world, &world.filled_in(input)))
}

fn run(world: &World, body: &[u8]) {
    let requested = requested(body, &world.actions);
    match (world.invoke(body), requested) {
        (EndpointResponse::Completed(answer), Some(action)) => {
            outcome(action, &answer, false);
            world.restore();
        }
        (EndpointResponse::InvalidRequest(reason), None) => {
            let is_too_large = body.len() > 64 * 1024;
            assert_eq!(reason == InvalidRequest::TooLarge, is_too_large);
            assert!(reason.to_string().len() < 200);
            assert_eq!(world.storage.take_calls(), []);
        }
        (answer, requested) => {
            let requested = requested.map(|action| action.name);
            panic!("{answer:?} to what asks for {requested:?}");
        }
    }
}
