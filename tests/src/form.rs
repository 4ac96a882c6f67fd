//! The forms of values on the wire, defined independently of the server.

use faroe_core::protocol::{
    action::Field,
    schema::{ActionSchema, server_models},
    types::FieldType,
};
use serde_json::{Map, Value};

const ID_ALPHABET: &str = "abcdefghijkmnpqrstuvwxyz23456789";
const CODE_ALPHABET: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Checks whether a text is an ID (or the secret of a token): 24 characters of the lower-case alphabet.
pub fn is_id(text: &str) -> bool {
    text.len() == 24
        && text
            .chars()
            .all(|character| ID_ALPHABET.contains(character))
}

/// Checks whether a text is a token: two IDs and a dot between them.
pub fn is_token(text: &str) -> bool {
    text.len() == 49 && text.split('.').count() == 2 && text.split('.').all(is_id)
}

/// Checks whether a text is a code of this length: 8 for an email address, 12 for a temporary password.
pub fn is_code(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .chars()
            .all(|character| CODE_ALPHABET.contains(character))
}

/// Asserts that an object has exactly these members.
#[track_caller]
pub fn assert_members(object: &Map<String, Value>, names: &[&str]) {
    let mut expected = names.to_vec();
    expected.sort_unstable();
    let mut present: Vec<&str> = object.keys().map(String::as_str).collect();
    present.sort_unstable();
    assert_eq!(present, expected, "the members of {object:?}");
}

/// Asserts that the values of a success are exactly those of the action, each of its type and form.
#[track_caller]
pub fn assert_values(action: &ActionSchema, values: &Value) {
    assert_fields(values, action.values);
}

#[track_caller]
fn assert_fields(object: &Value, fields: &[Field]) {
    let names: Vec<&str> = fields.iter().map(|&(name, _)| name).collect();
    assert_members(object.as_object().unwrap(), &names);
    for &(name, field_type) in fields {
        assert_type(name, field_type, &object[name]);
    }
}

#[track_caller]
fn assert_type(name: &str, field_type: FieldType, value: &Value) {
    let fits = match field_type {
        FieldType::String => value.as_str().is_some_and(|text| has_form_of(name, text)),
        FieldType::Boolean => value.is_boolean(),
        FieldType::Timestamp => value.is_i64(),
        FieldType::OptionalTimestamp => value.is_i64() || value.is_null(),
        FieldType::Model(model) => {
            let models = server_models();
            let model = models.iter().find(|&&(known, _)| known == model);
            let &(_, fields) = model.expect("the protocol describes every model");
            assert_fields(value, fields);
            true
        }
        _ => false,
    };
    assert!(fits, "{name} is no {field_type}: {value}");
}

/// Asserts the form of a text that the server has created, by its name; any other text is the caller's.
fn has_form_of(name: &str, text: &str) -> bool {
    match name {
        "id" | "session_id" => is_id(text),
        _ if name.ends_with("_token") => is_token(text),
        _ => !text.is_empty(),
    }
}
