//! Secrets cannot be printed, compared, hashed or used as text by accident.

use std::{
    borrow::Borrow,
    fmt::{Binary, Debug, Display, LowerHex},
    hash::Hash,
    ops::Deref,
};

use faroe_core::{
    endpoint::EndpointResponse,
    password::PasswordHash,
    protocol::{
        action::{Action, Field},
        envelope::Request,
        schema::server_actions,
        secret::{
            EmailAddressVerificationCode, Password, SessionToken, SigninToken, SignupToken,
            TemporaryPassword, UserDeletionToken, UserEmailAddressUpdateToken,
            UserPasswordResetToken, UserPasswordUpdateToken,
        },
        types::{Bytes, FieldType},
    },
};
use faroe_testkit::promise;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// Asserts the traits that a secret on the wire must not implement. It can be serialized, because it is sent.
macro_rules! secret_types {
    ($($name:ident)*) => {
        const SECRET_TYPES: &[&str] = &[$(stringify!($name)),*];
        $(
            assert_not_impl_any!($name: Display, LowerHex, Binary, PartialEq, PartialOrd, Hash, Copy, Default);
            assert_not_impl_any!($name: AsRef<str>, AsRef<[u8]>, Borrow<str>, Deref, Into<String>, PartialEq<str>);
            assert_impl_all!($name: subtle::ConstantTimeEq, zeroize::ZeroizeOnDrop);
        )*
    };
}

secret_types! {
    SignupToken SigninToken SessionToken UserEmailAddressUpdateToken UserPasswordUpdateToken UserPasswordResetToken
    UserDeletionToken Password EmailAddressVerificationCode TemporaryPassword
}

// Hashes and salts are compared as a whole, in constant time, and not printed.
assert_not_impl_any!(Bytes: Display, LowerHex, PartialOrd, Hash);
assert_not_impl_any!(PasswordHash: Display, PartialOrd, Hash);
assert_not_impl_any!(Request: Display, Clone, PartialEq);

const CANARY: &str = "canary";

/// Checks whether the field with this name is a secret on the wire.
fn is_secret(name: &str) -> bool {
    name.ends_with("_token") || name.ends_with("password") || name.ends_with("_code")
}

/// Returns a value of the protocol's type, with a canary in place of each secret.
fn value_of(name: &str, field_type: FieldType) -> Value {
    match field_type {
        FieldType::String if is_secret(name) => CANARY.into(),
        FieldType::String => "plain".into(),
        FieldType::Boolean => true.into(),
        FieldType::Timestamp | FieldType::OptionalTimestamp | FieldType::Int32 => 1.into(),
        FieldType::Model(model) => {
            let models = faroe_core::protocol::schema::server_models();
            let (_, fields) = models.iter().find(|(known, _)| *known == model).unwrap();
            object_of(fields)
        }
        other => panic!("no action has a field of the type {other}"),
    }
}

fn object_of(fields: &[Field]) -> Value {
    let members = fields
        .iter()
        .map(|&(name, of)| (name.to_owned(), value_of(name, of)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// Asserts that a type hides its secrets, and returns their number.
fn hides<T: Debug + DeserializeOwned>(fields: &[Field]) -> usize {
    let value: T = serde_json::from_value(object_of(fields)).unwrap();
    let (short, long) = (format!("{value:?}"), format!("{value:#?}"));
    assert!(!short.contains(CANARY) && !long.contains(CANARY), "{short}");
    let secrets = fields.iter().filter(|(name, _)| is_secret(name)).count();
    assert_eq!(short.matches("[REDACTED]").count(), secrets, "{short}");
    secrets
}

macro_rules! hide_all {
    ($($action:path,)*) => {
        [$(hides::<$action>(<$action>::ARGUMENTS)
            + hides::<<$action as Action>::Values>(<<$action as Action>::Values as faroe_core::protocol::action::Values>::FIELDS),)*]
    };
}

#[test]
fn p03_secrets_are_neither_printed_nor_compared_by_accident() {
    let hidden: usize = faroe_core::protocol::for_each_server_action!(hide_all)
        .iter()
        .sum();
    let actions = server_actions();
    let on_the_wire = actions
        .iter()
        .flat_map(|action| action.arguments.iter().chain(action.values));
    assert_eq!(
        hidden,
        on_the_wire.filter(|(name, _)| is_secret(name)).count()
    );

    let bytes = Bytes::from(CANARY.as_bytes().to_vec());
    let hash = PasswordHash {
        algorithm_id: "plain".to_owned(),
        salt: bytes.clone(),
        hash: bytes.clone(),
    };
    let body = json!({ "action": "get_session", "arguments": { "session_token": CANARY } });
    let body = body.to_string();
    let request = Request::parse(body.as_bytes()).unwrap();
    let response = EndpointResponse::Completed(body.to_string());
    for printed in [
        format!("{bytes:?}"),
        format!("{hash:?}"),
        format!("{request:?}"),
        format!("{response:?}"),
    ] {
        assert!(!printed.contains(CANARY), "{printed}");
        assert!(!printed.contains("99, 97, 110"), "{printed}");
    }
    assert_eq!(
        format!("{hash:?}"),
        r#"PasswordHash { algorithm_id: "plain", .. }"#
    );
    assert_eq!(format!("{response:?}"), "Completed([REDACTED])");
    promise::report(
        "P03",
        format_args!(
            "{} types without a way to print or compare, {hidden} places of the wire, 0 shown",
            SECRET_TYPES.len()
        ),
    );
}
