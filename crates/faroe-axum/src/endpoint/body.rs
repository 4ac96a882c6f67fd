//! Reading the body of a request, within bounds.

use std::{future::poll_fn, pin::pin, task::Poll};

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use faroe_core::protocol::envelope::MAX_BODY_SIZE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};

/// The whole body, or the response that refuses it.
pub(super) async fn read<B>(body: B, deadline: Instant) -> Result<Bytes, Response>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    if body.size_hint().lower() > MAX_BODY_SIZE as u64 {
        return Err(too_large());
    }
    let mut collect = pin!(Limited::new(body, MAX_BODY_SIZE).collect());
    // Nearly every body comes with its head, and needs no timer.
    let collected = match poll_fn(|context| Poll::Ready(collect.as_mut().poll(context))).await {
        Poll::Ready(collected) => Ok(collected),
        Poll::Pending => timeout_at(deadline, collect).await,
    };
    match collected {
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
