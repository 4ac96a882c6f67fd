//! `POST /`: the action invocation endpoint.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use faroe_core::{
    endpoint::EndpointResponse,
    protocol::envelope::{InvalidRequest, MAX_BODY_SIZE},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::App;

pub(super) async fn invoke(State(app): State<Arc<App>>, request: Request) -> Response {
    let answer = async {
        match read(request.into_body(), app.http.body_timeout).await {
            Ok(body) => respond(app.endpoint.invoke(&body).await),
            Err(refusal) => refusal,
        }
    };
    timeout(app.http.request_timeout, answer)
        .await
        .unwrap_or_else(|_| {
            let reason = "the request took too long; it may have happened or not\n";
            (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response()
        })
}

fn respond(response: EndpointResponse) -> Response {
    match response {
        EndpointResponse::Completed(body) => (
            [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            body,
        )
            .into_response(),
        EndpointResponse::InvalidRequest(InvalidRequest::TooLarge) => too_large(),
        EndpointResponse::InvalidRequest(reason) => {
            (StatusCode::BAD_REQUEST, format!("{reason}\n")).into_response()
        }
        EndpointResponse::Overloaded { retry_after } => {
            // Rounded up, for a client that comes too early is refused again.
            let seconds = retry_after.as_millis().div_ceil(1000).max(1).to_string();
            (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::RETRY_AFTER, seconds)],
                "overloaded\n",
            )
                .into_response()
        }
    }
}

/// The whole body, or the response that refuses it.
async fn read(body: Body, time: Duration) -> Result<Bytes, Response> {
    if body.size_hint().lower() > MAX_BODY_SIZE as u64 {
        return Err(too_large());
    }
    match timeout(time, Limited::new(body, MAX_BODY_SIZE).collect()).await {
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

fn too_large() -> Response {
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
