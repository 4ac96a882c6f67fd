//! Reading the body of a request, within bounds.

use std::{pin::pin, time::Duration};

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use faroe_core::{protocol::envelope::MAX_BODY_SIZE, time::until};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::Instant;

/// Reads the whole body, or returns the response that refuses it.
pub(super) async fn read<B>(body: B, timeout: Duration) -> Result<Bytes, Response>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    if body.size_hint().lower() > MAX_BODY_SIZE as u64 {
        return Err(too_large());
    }
    let collect = pin!(collect(Limited::new(body, MAX_BODY_SIZE)));
    match until(|| Instant::now() + timeout, collect).await {
        Some(Ok(body)) => Ok(body),
        Some(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Some(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body is incomplete\n").into_response()),
        None => Err(refuse_body(
            StatusCode::REQUEST_TIMEOUT,
            "the body arrived too slowly\n",
        )),
    }
}

/// Collects a body. Nearly every body arrives in one piece, which is not copied.
async fn collect<B: HttpBody<Data = Bytes>>(body: B) -> Result<Bytes, B::Error> {
    let mut body = pin!(body);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if whole.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

pub(super) fn too_large() -> Response {
    refuse_body(
        StatusCode::PAYLOAD_TOO_LARGE,
        "the body is larger than 65536 bytes\n",
    )
}

/// The rest of the body is not read, so the connection cannot be reused.
fn refuse_body(status: StatusCode, reason: &'static str) -> Response {
    (
        status,
        [(header::CONNECTION, HeaderValue::from_static("close"))],
        reason,
    )
        .into_response()
}
