//! The envelope around an action's arguments and around its outcome.

use std::{borrow::Cow, fmt};

use serde::Serialize;

use crate::{
    action::Action,
    id::ActionInvocationId,
    json::{self, InvalidJson, Json, Members},
    types::FieldType,
};

/// The maximum size of a request body, in bytes.
pub const MAX_BODY_SIZE: usize = 64 * 1024;

/// The initial capacity for an encoded body, in bytes. Most bodies fit.
const USUAL_SIZE: usize = 512;

/// The maximum nesting of objects and arrays in a request body. The body's own object is the first level.
pub const MAX_BODY_DEPTH: usize = json::MAX_DEPTH;

/// A request with a valid envelope. Its action may not exist, and its arguments are not checked yet.
pub struct Request<'a> {
    /// The name of the action.
    pub action: Cow<'a, str>,
    arguments: Members<'a>,
}

impl<'a> Request<'a> {
    /// Parses a request body.
    ///
    /// # Errors
    ///
    /// Returns the reason why the body is not a request. The reason contains nothing of the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, InvalidRequest> {
        let mut members = json::parse_object(body, MAX_BODY_SIZE)?;
        let Some(Json::Text(action)) = members.take("action") else {
            return Err(InvalidRequest::Action);
        };
        let Some(Json::Object(arguments)) = members.take("arguments") else {
            return Err(InvalidRequest::Arguments);
        };
        Ok(Self { action, arguments })
    }

    /// Reads the arguments as those of the action `A`. Unknown arguments are ignored.
    ///
    /// # Errors
    ///
    /// Names the first argument that is mistyped, or missing although it is not optional.
    pub fn arguments<A: Action>(self) -> Result<A, InvalidRequest> {
        for &(name, field_type) in A::ARGUMENTS {
            let given = self.arguments.get(name);
            if !given.is_some_and(|value| json::is_of_type(value, field_type)) {
                return Err(InvalidRequest::Argument { name, field_type });
            }
        }
        for &(name, field_type) in A::OPTIONAL_ARGUMENTS {
            let given = self.arguments.get(name);
            if !given.is_none_or(|value| json::is_of_type(value, field_type)) {
                return Err(InvalidRequest::Argument { name, field_type });
            }
        }
        self.arguments.decode().ok_or(InvalidRequest::Arguments)
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

/// The reason why a request was rejected before anything was invoked. An endpoint answers it with 400 and the text of
/// `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The body is larger than [`MAX_BODY_SIZE`].
    TooLarge,
    /// The body is not a JSON object in UTF-8.
    NotAnObject,
    /// The body is nested deeper than [`MAX_BODY_DEPTH`].
    TooDeep,
    /// A member name occurs twice in one object.
    DuplicateMember,
    /// `action` is missing or not a string.
    Action,
    /// `arguments` is missing or not an object.
    Arguments,
    /// The action does not exist, or the endpoint does not allow it.
    UnknownAction,
    /// An argument is missing or mistyped.
    Argument {
        /// The argument's name.
        name: &'static str,
        /// The type that it must have.
        field_type: FieldType,
    },
}

impl From<InvalidJson> for InvalidRequest {
    fn from(reason: InvalidJson) -> Self {
        match reason {
            InvalidJson::TooLarge => Self::TooLarge,
            InvalidJson::NotAnObject => Self::NotAnObject,
            InvalidJson::TooDeep => Self::TooDeep,
            InvalidJson::DuplicateMember => Self::DuplicateMember,
        }
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the body is larger than {MAX_BODY_SIZE} bytes"),
            Self::NotAnObject => f.write_str("the body is not a JSON object in UTF-8"),
            Self::TooDeep => write!(
                f,
                "the body is nested more than {MAX_BODY_DEPTH} levels deep"
            ),
            Self::DuplicateMember => f.write_str("a member name is given twice"),
            Self::Action => f.write_str("`action` is missing or not a string"),
            Self::Arguments => f.write_str("`arguments` is missing or not an object"),
            Self::UnknownAction => f.write_str("there is no such action at this endpoint"),
            Self::Argument { name, field_type } => {
                write!(f, "the argument `{name}` is missing or not a {field_type}")
            }
        }
    }
}

impl std::error::Error for InvalidRequest {}

/// Encodes the body of a request.
pub fn encode_request<A: Action>(action: &A) -> String {
    #[derive(Serialize)]
    struct Body<'a, A> {
        action: &'static str,
        arguments: &'a A,
    }
    encode(&Body {
        action: A::NAME,
        arguments: action,
    })
}

/// Encodes the body of a successful response.
pub fn encode_values<A: Action>(
    action_invocation_id: &ActionInvocationId,
    values: &A::Values,
) -> String {
    #[derive(Serialize)]
    struct Body<'a, V> {
        ok: bool,
        action_invocation_id: &'a ActionInvocationId,
        values: &'a V,
    }
    encode(&Body {
        ok: true,
        action_invocation_id,
        values,
    })
}

/// Encodes the body of a response with an error code.
pub fn encode_error(action_invocation_id: &ActionInvocationId, error_code: &str) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        ok: bool,
        action_invocation_id: &'a ActionInvocationId,
        error_code: &'a str,
    }
    encode(&Body {
        ok: false,
        action_invocation_id,
        error_code,
    })
}

fn encode(body: &impl Serialize) -> String {
    let mut text = Vec::with_capacity(USUAL_SIZE);
    serde_json::to_writer(&mut text, body)
        .expect("wire types have string keys and no failing serializer");
    String::from_utf8(text).expect("JSON is UTF-8")
}
