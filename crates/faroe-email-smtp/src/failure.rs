//! Errors without the text of the server's answers.

use std::error::Error;

use faroe_core::error::{AdapterError, ErrorChain};
use lettre::transport::smtp::response::Code;

/// The cause of an error after an answer that is none.
pub(crate) const NO_ANSWER: &str = "the server sent an invalid answer or closed the connection";

/// Creates an error with its cause. Of an answer, the cause contains only the status codes: the text can quote the
/// recipient.
pub(crate) fn failed(
    operation: &'static str,
    error: &lettre::transport::smtp::Error,
) -> AdapterError {
    AdapterError::new(operation, cause(error))
}

/// Returns the cause of an error.
pub(crate) fn cause(error: &lettre::transport::smtp::Error) -> String {
    if let Some(code) = error.status() {
        let words = error.source().map(ToString::to_string).unwrap_or_default();
        return answered(code, words.split_whitespace().next());
    }
    if error.is_response() {
        return NO_ANSWER.to_owned();
    }
    error.source().map_or_else(
        || error.to_string(),
        |source| ErrorChain(source).to_string(),
    )
}

/// Describes an answer by its codes.
pub(crate) fn answered(code: Code, first_word: Option<&str>) -> String {
    match first_word.filter(|word| is_enhanced(word)) {
        Some(enhanced) => format!("the server answered {code} {enhanced}"),
        None => format!("the server answered {code}"),
    }
}

/// Checks whether a word is an enhanced status code (RFC 3463), such as `5.7.1`.
fn is_enhanced(word: &str) -> bool {
    let parts: Vec<_> = word.split('.').collect();
    let is_number = |part: &&str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    parts.len() == 3 && parts.iter().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enhanced_status_code_is_three_numbers() {
        assert!(is_enhanced("5.7.1") && is_enhanced("4.123.0"));
        for word in [
            "",
            "5.7",
            "5.7.1.2",
            "a.b.c",
            "5..1",
            "<ada@example.com>",
            "5.7.1234",
        ] {
            assert!(!is_enhanced(word), "{word}");
        }
    }
}
