//! The yardstick of `get-session`: an HTTP handler with a fixed response.

use std::{io::Write, net::Ipv4Addr};

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    http::header::CONTENT_TYPE,
    response::{AppendHeaders, IntoResponse},
    routing::post,
};
use tokio::net::TcpListener;

/// Serves until it is killed.
#[tokio::main]
pub(crate) async fn run(response: String) -> Result<()> {
    let response = Bytes::from(response);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let router = Router::new().route("/", post(move |body: Bytes| answer(body, response.clone())));
    axum::serve(listener, router).await?;
    Ok(())
}

async fn answer(_body: Bytes, response: Bytes) -> impl IntoResponse {
    (
        AppendHeaders([(CONTENT_TYPE, "application/json")]),
        response,
    )
}
