//! Reading the body of a request, within bounds.

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use faroe_core::protocol::envelope::MAX_BODY_SIZE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};

/// The whole body, or the response that refuses it.
pub(super) async fn read(body: Body, deadline: Instant) -> Result<Bytes, Response> {
    if body.size_hint().lower() > MAX_BODY_SIZE as u64 {
        return Err(too_large());
    }
    match timeout_at(deadline, Limited::new(body, MAX_BODY_SIZE).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            Err((StatusCode::BAD_REQUEST, "the body could not be read\n").into_response())
        }
        Err(_) => Err(refuse_body(
            StatusCode::REQUEST_TIMEOUT,
            "the body came too slowly\n",
        )),
    }
}

pub(super) fn too_large() -> Response {
    refuse_body(
        StatusCode::PAYLOAD_TOO_LARGE,
        "the body is larger than 65536 bytes\n",
    )
}

/// The rest of the body is not waited for, so the connection cannot be used again.
fn refuse_body(status: StatusCode, reason: &'static str) -> Response {
    (
        status,
        [(header::CONNECTION, HeaderValue::from_static("close"))],
        reason,
    )
        .into_response()
}
