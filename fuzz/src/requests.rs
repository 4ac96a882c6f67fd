//! Valid requests and fitting answers, by the protocol's own description of its actions.

use base64::{Engine, prelude::BASE64_STANDARD};
use faroe_core::protocol::{
    action::{Field, INTERNAL_CONFLICT, INTERNAL_ERROR},
    envelope::MAX_BODY_SIZE,
    schema::{ActionSchema, user_server_models},
    types::FieldType,
};

use crate::json::Json;

/// Returns the action that a body invokes, if it is a valid request for one of these.
pub(crate) fn requested<'a>(body: &[u8], actions: &'a [ActionSchema]) -> Option<&'a ActionSchema> {
    let request = Json::strict_object(body, MAX_BODY_SIZE)?;
    let name = request.member("action")?.text()?;
    let arguments = request.member("arguments")?;
    let action = actions.iter().find(|action| action.name == name)?;
    let is_optional = |&(name, field_type): &Field| {
        let member = arguments.member(name);
        member.is_none_or(|value| is_of_type(value, field_type))
    };
    let fits = has_fields(arguments, action.arguments)
        && action.optional_arguments.iter().all(is_optional);
    fits.then_some(action)
}

/// Checks whether a value is an object with all fields, each of its type.
pub(crate) fn has_fields(object: &Json, fields: &[Field]) -> bool {
    let is_there = |&(name, field_type): &Field| {
        let member = object.member(name);
        member.is_some_and(|value| is_of_type(value, field_type))
    };
    matches!(object, Json::Object(_)) && fields.iter().all(is_there)
}

fn is_of_type(value: &Json, field_type: FieldType) -> bool {
    match (field_type, value) {
        (FieldType::String, Json::Text(_)) | (FieldType::Boolean, Json::Boolean(_)) => true,
        (FieldType::Bytes, Json::Text(text)) => BASE64_STANDARD.decode(text).is_ok(),
        (FieldType::Int32, Json::Natural(number)) => i32::try_from(*number).is_ok(),
        (FieldType::UserFields, Json::Object(fields)) => {
            fields.iter().all(|(_, value)| match value {
                Json::Text(_) | Json::Boolean(_) | Json::Negative => true,
                Json::Natural(number) => i64::try_from(*number).is_ok(),
                Json::Fraction(number) => number.abs() < 2_f64.powi(53),
                Json::Object(_) | Json::Array(_) | Json::Null => false,
            })
        }
        (FieldType::Model(model), value) => {
            let models = user_server_models();
            let model = models.into_iter().find(|(name, _)| *name == model);
            model.is_some_and(|(_, fields)| has_fields(value, fields))
        }
        _ => false,
    }
}

/// Returns the error code of an answer, or `None` for a success.
///
/// # Panics
///
/// If the action may not give the answer. Nothing fails and no updates are concurrent here, unless
/// `may_fail` is set.
pub(crate) fn outcome(action: &ActionSchema, answer: &str, may_fail: bool) -> Option<String> {
    let name = action.name;
    let answer = Json::strict_object(answer.as_bytes(), usize::MAX);
    let answer = answer.unwrap_or_else(|| panic!("{name} answers what is no strict JSON"));
    let id = answer.member("action_invocation_id").and_then(Json::text);
    assert!(id.is_some_and(|id| id.len() == 24), "{name} has no ID");
    match answer.member("ok") {
        Some(Json::Boolean(true)) => {
            let values = answer.member("values");
            let Some(Json::Object(values)) = values else {
                panic!("{name} has no values");
            };
            let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
            let known: Vec<_> = action.values.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, known, "{name}");
            None
        }
        Some(Json::Boolean(false)) => {
            let code = answer.member("error_code").and_then(Json::text);
            let code = code.unwrap_or_else(|| panic!("{name} has no error code"));
            let codes = action.error_codes.iter();
            let mut codes = codes.chain(&action.extension_error_codes);
            assert!(codes.any(|known| *known == code), "{name}: {code}");
            let is_fault = [INTERNAL_ERROR, INTERNAL_CONFLICT].contains(&code);
            assert!(may_fail || !is_fault, "{name} answers {code}");
            Some(code.to_owned())
        }
        _ => panic!("{name} says neither that it succeeded nor that it did not"),
    }
}
