//! The types of this crate against `actions.json`, the protocol's machine-readable list.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use faroe_protocol::{
    action::Field,
    schema::{self, ActionSchema, ModelSchema},
    signup::CompleteSignup,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

type Names = BTreeMap<String, String>;

#[derive(Debug, PartialEq)]
struct Described {
    arguments: Names,
    optional_arguments: Names,
    values: Names,
    error_codes: Vec<String>,
    extension_error_codes: Vec<String>,
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("actions.json")).unwrap()
}

fn names(object: &Value) -> Names {
    serde_json::from_value(object.clone()).unwrap()
}

/// Parses a member of an action. Only actions with extensions have all of them.
fn optional<T: DeserializeOwned + Default>(value: Option<&Value>) -> T {
    value.map_or_else(T::default, |value| {
        serde_json::from_value(value.clone()).unwrap()
    })
}

fn fields(fields: &[Field]) -> Names {
    fields
        .iter()
        .map(|&(name, field_type)| (name.to_owned(), field_type.name().to_owned()))
        .collect()
}

fn specified_actions(part: &str) -> BTreeMap<String, Described> {
    let fixture = fixture();
    let actions = fixture[part]["actions"].as_object().unwrap();
    let described = actions.iter().map(|(name, action)| {
        let error_codes = serde_json::from_value(action["error_codes"].clone()).unwrap();
        let described = Described {
            arguments: names(&action["arguments"]),
            optional_arguments: optional(action.get("optional_arguments")),
            values: names(&action["values"]),
            error_codes,
            extension_error_codes: optional(action.get("extension_error_codes")),
        };
        (name.clone(), described)
    });
    described.collect()
}

fn owned(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|&code| code.to_owned()).collect()
}

fn implemented_actions(actions: &[ActionSchema]) -> BTreeMap<String, Described> {
    let described = actions.iter().map(|action| {
        let described = Described {
            arguments: fields(action.arguments),
            optional_arguments: fields(action.optional_arguments),
            values: fields(action.values),
            error_codes: owned(&action.error_codes),
            extension_error_codes: owned(&action.extension_error_codes),
        };
        (action.name.to_owned(), described)
    });
    described.collect()
}

fn specified_models(part: &str) -> BTreeMap<String, Names> {
    let fixture = fixture();
    let models = fixture[part]["models"].as_object().unwrap();
    models
        .iter()
        .map(|(name, model)| (name.clone(), names(model)))
        .collect()
}

fn implemented_models(models: &[ModelSchema]) -> BTreeMap<String, Names> {
    models
        .iter()
        .map(|&(name, model)| (name.to_owned(), fields(model)))
        .collect()
}

#[test]
fn the_actions_of_the_server_are_those_of_the_protocol() {
    let implemented = implemented_actions(&schema::server_actions());
    assert!(!implemented.is_empty());
    assert_eq!(implemented, specified_actions("faroe_server"));
}

#[test]
fn the_actions_of_a_user_server_are_those_of_the_protocol() {
    let implemented = implemented_actions(&schema::user_server_actions());
    assert!(!implemented.is_empty());
    assert_eq!(implemented, specified_actions("user_server"));
}

#[test]
fn the_models_are_those_of_the_protocol() {
    assert_eq!(
        implemented_models(&schema::server_models()),
        specified_models("faroe_server")
    );
    assert_eq!(
        implemented_models(&schema::user_server_models()),
        specified_models("user_server")
    );
}

#[test]
fn p81_extensions_leave_the_39_actions_as_they_are() {
    let actions = schema::server_actions();
    assert_eq!(actions.len(), 39);
    for action in actions.iter().chain(&schema::user_server_actions()) {
        let mut codes = action.extension_error_codes.iter();
        assert!(codes.all(|code| !action.error_codes.contains(code)));
        if action.optional_arguments.is_empty() {
            assert_eq!(action.extension_error_codes, [""; 0], "{}", action.name);
        }
    }
    let without = serde_json::to_string(&CompleteSignup::new("id.secret".into())).unwrap();
    assert_eq!(without, r#"{"signup_token":"id.secret"}"#);
}
