//! The forms of what is on the wire, written down once more: what a client may rely on.

use faroe_core::protocol::schema::{ActionSchema, server_models};
use serde_json::{Map, Value};

const ID_ALPHABET: &str = "abcdefghijkmnpqrstuvwxyz23456789";
const CODE_ALPHABET: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Whether a text is an ID (or the secret of a token): 24 characters of the lower-case alphabet.
pub fn is_id(text: &str) -> bool {
    text.len() == 24
        && text
            .chars()
            .all(|character| ID_ALPHABET.contains(character))
}

/// Whether a text is a token: two IDs and a dot between them.
pub fn is_token(text: &str) -> bool {
    text.len() == 49 && text.split('.').count() == 2 && text.split('.').all(is_id)
}

/// Whether a text is a code of so many characters: 8 for an email address, 12 for a temporary password.
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
fn assert_fields(object: &Value, fields: &[(&str, &str)]) {
    let names: Vec<&str> = fields.iter().map(|&(name, _)| name).collect();
    assert_members(object.as_object().unwrap(), &names);
    for &(name, type_name) in fields {
        assert_type(name, type_name, &object[name]);
    }
}

#[track_caller]
fn assert_type(name: &str, type_name: &str, value: &Value) {
    let models = server_models();
    let fits = match type_name {
        "string" => value.as_str().is_some_and(|text| has_form_of(name, text)),
        "boolean" => value.is_boolean(),
        "timestamp" => value.is_i64(),
        "timestamp|null" => value.is_i64() || value.is_null(),
        model => {
            let model = models.iter().find(|&&(known, _)| known == model);
            let &(_, fields) = model.expect("every other type is a model");
            assert_fields(value, fields);
            true
        }
    };
    assert!(fits, "{name} is no {type_name}: {value}");
}

/// The form of a text that the server has made, known by its name; any other text is the caller's.
fn has_form_of(name: &str, text: &str) -> bool {
    match name {
        "id" | "session_id" => is_id(text),
        _ if name.ends_with("_token") => is_token(text),
        _ => !text.is_empty(),
    }
}
