//! Texts in place of a token. The first byte chooses the action and the token; the rest is the text, which can
//! name valid tokens and their parts, as `<session_token>`, `<session_token.id>` and `<session_token.secret>`.
//!
//! A text that is not a valid token of this kind gets the one answer for that, and changes nothing. A text without the
//! form of a token is not looked up.

use faroe_core::{endpoint::EndpointResponse, protocol::schema::ActionSchema};
use faroe_testkit::storage::StorageCall;
use serde_json::json;

use crate::{
    Run,
    requests::outcome,
    world::{Stage, World},
};

pub(crate) fn start() -> Run {
    let mut world = World::new();
    world.name_parts_of_tokens();
    let cases: Vec<(ActionSchema, &'static str)> = world
        .actions
        .iter()
        .flat_map(|action| {
            let names = action.arguments.iter().map(|&(name, _)| name);
            let tokens = names.filter(|name| name.ends_with("_token"));
            tokens.map(|name| (action.clone(), name))
        })
        .collect();
    Box::new(move |input| {
        let Some((&chosen, text)) = input.split_first() else {
            return;
        };
        let (action, argument) = &cases[usize::from(chosen) % cases.len()];
        let text = world.filled_in(text);
        run(&world, action, argument, &String::from_utf8_lossy(&text));
    })
}

fn run(world: &World, action: &ActionSchema, argument: &str, text: &str) {
    let invalid = match argument {
        "user_password_update_token" => "invalid_password_update_token".to_owned(),
        name => format!("invalid_{name}"),
    };
    let mut arguments = world.arguments(action, Stage::Finished);
    arguments[argument] = text.into();
    let body = json!({ "action": action.name, "arguments": arguments }).to_string();
    let EndpointResponse::Completed(answer) = world.invoke(body.as_bytes()) else {
        // A text of the length that a body may have.
        assert!(body.len() > 64 * 1024);
        return;
    };
    let code = outcome(action, &answer, false);
    let is_invalid = code.as_deref() == Some(&*invalid);
    let is_living = world.tokens(argument).contains(&text);
    assert_eq!(is_invalid, !is_living, "{} answers {code:?}", action.name);
    if is_invalid {
        // The session is looked up before the token of a flow.
        let looked_up = usize::from(argument != "session_token" && has_session(action));
        let calls = world.storage.take_calls();
        assert!(calls.iter().all(|call| *call == StorageCall::Get));
        assert_eq!(calls.len(), looked_up + usize::from(has_form(text)));
        assert!(world.is_unchanged());
    }
    world.restore();
}

fn has_session(action: &ActionSchema) -> bool {
    let mut arguments = action.arguments.iter();
    arguments.any(|(name, _)| *name == "session_token")
}

/// Checks whether a text has the form of a token: two halves of 24 characters.
fn has_form(text: &str) -> bool {
    let halves: Vec<_> = text.split('.').collect();
    let is_half = |half: &&str| {
        let is_right = |character| "abcdefghijkmnpqrstuvwxyz23456789".contains(character);
        half.len() == 24 && half.chars().all(is_right)
    };
    halves.len() == 2 && halves.iter().all(is_half)
}
