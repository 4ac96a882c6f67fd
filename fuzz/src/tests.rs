//! Every input of the corpus, run without libFuzzer.

use faroe_core::{
    endpoint::EndpointResponse,
    protocol::schema::{server_actions, user_server_actions},
};
use faroe_testkit::promise;

use crate::{
    TARGETS, Target,
    requests::{outcome, requested},
    world::World,
};

/// Runs all inputs of a target. The last one that is printed breaks a property, if one does.
fn replay(target: &Target) -> usize {
    let inputs = target.inputs().unwrap();
    assert!(!inputs.is_empty(), "{} has no corpus", target.name);
    let mut run = target.start();
    for (path, input) in &inputs {
        println!("{}", path.display());
        run(input);
    }
    inputs.len()
}

#[test]
fn p52_whatever_bytes_come_they_are_read_strictly_and_nothing_panics() {
    let inputs: usize = TARGETS.iter().map(replay).sum();
    let readers = TARGETS.len();
    promise::report("P52", format!("{inputs} kept inputs of {readers} readers"));
}

#[test]
fn p52_what_is_no_living_token_opens_nothing_in_place_of_any_token() {
    let texts = [
        "abcdefghijkmnpqrstuvwxyz.abcdefghijkmnpqrstuvwxyz",
        "<signup_token.id>.<session_token.secret>",
        "<session_token.id>.",
        "",
    ];
    let mut run = Target::named("tokens").unwrap().start();
    // The first byte chooses the action and the argument; there are fewer than bytes.
    for chosen in 0..=u8::MAX {
        for text in texts {
            run(&[&[chosen], text.as_bytes()].concat());
        }
    }
    let texts = texts.len();
    promise::report(
        "P52",
        format!("{texts} texts in place of every token of every action"),
    );
}

/// Returns the request in the corpus that has the name of an action.
fn kept(target: &str, action: &str) -> Vec<u8> {
    let inputs = Target::named(target).unwrap().inputs().unwrap();
    let kept = inputs.into_iter().find(|(path, _)| path.ends_with(action));
    let (_, input) = kept
        .unwrap_or_else(|| panic!("write a request for {action} to fuzz/corpus/{target}/{action}"));
    input
}

#[test]
fn every_action_has_a_request_in_the_corpus_that_succeeds() {
    let world = World::new();
    for action in server_actions() {
        let body = world.filled_in(&kept("request_bodies", action.name));
        let asked = requested(&body, &world.actions).map(|action| action.name);
        assert_eq!(asked, Some(action.name));
        let EndpointResponse::Completed(answer) = world.invoke(&body) else {
            panic!("{} was not invoked", action.name);
        };
        assert_eq!(outcome(&action, &answer, false), None, "{}", action.name);
        world.restore();
    }
}

#[test]
fn every_action_of_a_user_server_has_a_request_and_an_answer_in_the_corpus() {
    let actions = user_server_actions();
    for action in &actions {
        let request = kept("user_server_requests", action.name);
        let asked = requested(&request, &actions).map(|action| action.name);
        assert_eq!(asked, Some(action.name));
        kept("user_server_answers", action.name);
    }
}
