//! `GET /dev/emails`: the emails of development mode.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;

use super::App;

/// Lists emails.
pub(super) async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let Some(mailbox) = &app.dev_mailbox else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let to = query.as_deref().and_then(recipient);
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], mailbox.list(to.as_deref())).into_response()
}

/// Returns the value of `to`, percent-decoded. A plus sign is itself: email addresses have plus signs and no spaces.
fn recipient(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("to="))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipient_is_percent_decoded_and_keeps_its_plus_sign() {
        for (query, expected) in [
            ("", None),
            ("to", None),
            ("too=a", None),
            ("to=", Some("")),
            ("to=a@x.y", Some("a@x.y")),
            ("to=a%40x.y", Some("a@x.y")),
            ("to=a+b@x.y", Some("a+b@x.y")),
            ("to=a%2Bb%40x.y", Some("a+b@x.y")),
            ("x=1&to=a%26b@x.y&y", Some("a&b@x.y")),
        ] {
            assert_eq!(recipient(query).as_deref(), expected, "{query}");
        }
    }
}
