//! The client's side of the envelope: strict reading of an endpoint's answer.

use std::{borrow::Cow, fmt};

use serde_json::Value;

use crate::{
    action::{Action, ErrorCode, INTERNAL_CONFLICT, INTERNAL_ERROR, Values},
    id::ActionInvocationId,
    json::{self, InvalidJson, Json, Members},
};

/// The maximum size of a response body, in bytes.
pub const MAX_RESPONSE_SIZE: usize = 1024 * 1024;

/// The maximum size of an error code, in bytes.
const MAX_ERROR_CODE_SIZE: usize = 100;

/// A response with a valid envelope. Its values are not yet checked against the invoked action.
pub struct Response<'a> {
    /// The ID that connects the answer to a line in the server's log.
    pub action_invocation_id: ActionInvocationId,
    result: Result<Members<'a>, Cow<'a, str>>,
}

/// The error code that an action answered instead of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseError<C> {
    /// An error code of the action.
    Code(C),
    /// A concurrent update won. Nothing was changed, and the caller may retry.
    InternalConflict,
    /// The server failed. Whether the action had an effect is unknown.
    InternalError,
    /// A code that the action does not have in this version of the protocol: at most 100 bytes of `a-z`, `0-9` and `_`.
    Unknown(String),
}

impl<C: ErrorCode> ResponseError<C> {
    /// Returns the error code on the wire.
    pub fn error_code(&self) -> &str {
        match self {
            Self::Code(code) => code.as_str(),
            Self::InternalConflict => INTERNAL_CONFLICT,
            Self::InternalError => INTERNAL_ERROR,
            Self::Unknown(code) => code,
        }
    }
}

impl<C: ErrorCode> fmt::Display for ResponseError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error_code())
    }
}

impl<C: ErrorCode> std::error::Error for ResponseError<C> {}

impl<'a> Response<'a> {
    /// Parses the body of an HTTP 200. Unknown members are ignored.
    ///
    /// # Errors
    ///
    /// Returns the reason why the body is not a response. The reason contains nothing of the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, InvalidResponse> {
        let mut members = json::parse_object(body, MAX_RESPONSE_SIZE)?;
        let Some(Json::Text(id)) = members.take("action_invocation_id") else {
            return Err(InvalidResponse::Member("action_invocation_id"));
        };
        let result = match members.take("ok") {
            Some(Json::Other(Value::Bool(true))) => match members.take("values") {
                Some(Json::Object(values)) => Ok(values),
                _ => return Err(InvalidResponse::Member("values")),
            },
            Some(Json::Other(Value::Bool(false))) => match members.take("error_code") {
                Some(Json::Text(code)) if is_error_code(&code) => Err(code),
                _ => return Err(InvalidResponse::Member("error_code")),
            },
            _ => return Err(InvalidResponse::Member("ok")),
        };
        Ok(Self {
            action_invocation_id: id.into_owned().into(),
            result,
        })
    }

    /// Reads the response as the answer of the action `A`. Unknown values are ignored.
    ///
    /// # Errors
    ///
    /// Names the first missing value, or reports that a value is mistyped.
    pub fn result<A: Action>(
        self,
    ) -> Result<Result<A::Values, ResponseError<A::ErrorCode>>, InvalidResponse> {
        let values = match self.result {
            Ok(values) => values,
            Err(code) => return Ok(Err(known::<A>(code.into_owned()))),
        };
        let missing = A::Values::FIELDS
            .iter()
            .find(|(name, _)| values.get(name).is_none());
        if let Some(&(name, _)) = missing {
            return Err(InvalidResponse::Value(name));
        }
        values.decode().map(Ok).ok_or(InvalidResponse::Values)
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("action_invocation_id", &self.action_invocation_id)
            .finish_non_exhaustive()
    }
}

fn known<A: Action>(code: String) -> ResponseError<A::ErrorCode> {
    match (A::ErrorCode::parse(&code), code.as_str()) {
        (Some(code), _) => ResponseError::Code(code),
        (None, INTERNAL_CONFLICT) => ResponseError::InternalConflict,
        (None, INTERNAL_ERROR) => ResponseError::InternalError,
        (None, _) => ResponseError::Unknown(code),
    }
}

fn is_error_code(code: &str) -> bool {
    (1..=MAX_ERROR_CODE_SIZE).contains(&code.len())
        && code
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// The reason why a body is not a response to the invoked action. The outcome of the action is then unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidResponse {
    /// The body is larger than [`MAX_RESPONSE_SIZE`].
    TooLarge,
    /// The body is not a JSON object in UTF-8, is nested more than 16 levels deep, or contains a duplicate member name.
    NotAnObject,
    /// This member of the envelope is missing or mistyped.
    Member(&'static str),
    /// The value with this name is missing.
    Value(&'static str),
    /// A value, or a field within one, is missing or mistyped.
    Values,
}

impl From<InvalidJson> for InvalidResponse {
    fn from(reason: InvalidJson) -> Self {
        match reason {
            InvalidJson::TooLarge => Self::TooLarge,
            _ => Self::NotAnObject,
        }
    }
}

impl fmt::Display for InvalidResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the body is larger than {MAX_RESPONSE_SIZE} bytes"),
            Self::NotAnObject => f.write_str("the body is not a valid JSON object"),
            Self::Member(name) => write!(f, "`{name}` is missing or mistyped"),
            Self::Value(name) => write!(f, "the value `{name}` is missing"),
            Self::Values => f.write_str("a value is mistyped or lacks a field"),
        }
    }
}

impl std::error::Error for InvalidResponse {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        envelope::{encode_error, encode_values},
        session::GetSession,
        signup::{CreateSignup, CreateSignupErrorCode},
        user::GetUser,
    };

    const USER: &str = r#"{"id":"1","email_address":"ada@example.com","password_hash":"AAA=","password_hash_algorithm_id":"a","password_salt":"AAA=","disabled":false,"display_name":"","email_address_counter":0,"password_hash_counter":0,"disabled_counter":0,"sessions_counter":0}"#;

    fn user_response(user: &str) -> String {
        format!(r#"{{"ok":true,"action_invocation_id":"i","values":{{"user":{user}}}}}"#)
    }

    fn refusal<A: Action>(body: &str) -> InvalidResponse {
        match Response::parse(body.as_bytes()) {
            Ok(response) => response.result::<A>().unwrap_err(),
            Err(reason) => reason,
        }
    }

    #[test]
    fn what_the_endpoint_writes_is_read() {
        let id = ActionInvocationId::from("i");
        let body = encode_error(&id, "rate_limited");
        let response = Response::parse(body.as_bytes()).unwrap();
        assert_eq!(response.action_invocation_id, id);
        assert_eq!(
            response.result::<CreateSignup>().unwrap().unwrap_err(),
            ResponseError::Code(CreateSignupErrorCode::RateLimited)
        );
        let values: <GetUser as Action>::Values = Response::parse(user_response(USER).as_bytes())
            .unwrap()
            .result::<GetUser>()
            .unwrap()
            .unwrap();
        let again = encode_values::<GetUser>(&id, &values);
        assert_eq!(again, user_response(USER));
    }

    #[test]
    fn an_error_code_is_the_actions_own_or_told_apart() {
        let read = |code: &str| {
            Response::parse(encode_error(&"i".into(), code).as_bytes())
                .map(|response| response.result::<GetSession>().unwrap().unwrap_err())
        };
        assert_eq!(read("internal_error"), Ok(ResponseError::InternalError));
        assert_eq!(
            read("internal_conflict"),
            Ok(ResponseError::InternalConflict)
        );
        assert_eq!(
            read("from_the_future_2"),
            Ok(ResponseError::Unknown("from_the_future_2".into()))
        );
        for code in ["", "Rate limited", "<b>", &"x".repeat(101)] {
            assert_eq!(read(code), Err(InvalidResponse::Member("error_code")));
        }
    }

    #[test]
    fn a_body_that_is_no_response_says_what_is_wrong() {
        for (body, reason) in [
            ("", InvalidResponse::NotAnObject),
            ("[1]", InvalidResponse::NotAnObject),
            (r#"{"ok":true,"ok":true}"#, InvalidResponse::NotAnObject),
            (
                r#"{"ok":true,"values":{}}"#,
                InvalidResponse::Member("action_invocation_id"),
            ),
            (
                r#"{"ok":1,"action_invocation_id":"i","values":{}}"#,
                InvalidResponse::Member("ok"),
            ),
            (
                r#"{"ok":true,"action_invocation_id":"i"}"#,
                InvalidResponse::Member("values"),
            ),
            (
                r#"{"ok":true,"action_invocation_id":"i","values":[]}"#,
                InvalidResponse::Member("values"),
            ),
            (
                r#"{"ok":false,"action_invocation_id":"i"}"#,
                InvalidResponse::Member("error_code"),
            ),
            (
                r#"{"ok":true,"action_invocation_id":"i","values":{}}"#,
                InvalidResponse::Value("user"),
            ),
            (&user_response("null"), InvalidResponse::Values),
            (&user_response("{}"), InvalidResponse::Values),
        ] {
            assert_eq!(refusal::<GetUser>(body), reason, "{body}");
        }
        let too_large = vec![b' '; MAX_RESPONSE_SIZE + 1];
        assert_eq!(
            Response::parse(&too_large).unwrap_err(),
            InvalidResponse::TooLarge
        );
    }

    #[test]
    fn a_field_of_the_wrong_type_is_never_a_user() {
        for (right, wrong) in [
            ("\"id\":\"1\"", "\"id\":1"),
            ("\"disabled\":false", "\"disabled\":0"),
            ("\"disabled\":false", "\"enabled\":true"),
            ("\"AAA=\"", "\"AAA\""),
            ("\"sessions_counter\":0", "\"sessions_counter\":-1"),
            ("\"sessions_counter\":0", "\"sessions_counter\":0.0"),
            ("\"sessions_counter\":0", "\"sessions_counter\":2147483648"),
        ] {
            let broken = USER.replacen(right, wrong, 1);
            assert_ne!(broken, USER);
            assert_eq!(
                refusal::<GetUser>(&user_response(&broken)),
                InvalidResponse::Values,
                "{wrong}"
            );
        }
    }
}
