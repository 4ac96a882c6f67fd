//! The conversation before TLS, up to the server's consent to STARTTLS.

use std::net::SocketAddr;

use faroe_core::error::AdapterError;
use lettre::transport::smtp::{
    commands::{Ehlo, Starttls},
    extension::{ClientId, Extension, ServerInfo},
    response::Response,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{connection::GREET, connection::START_TLS, failure, stream::Guarded};

/// Greets the server and asks for TLS, which is to be started on the returned stream.
///
/// A server that does not offer STARTTLS is rejected, and so is one that sends anything more before TLS: a network attacker
/// could have appended replies, which must not be taken for replies received over TLS.
pub(crate) async fn request(
    tcp: TcpStream,
    peer: SocketAddr,
    name: &ClientId,
) -> Result<TcpStream, AdapterError> {
    let mut stream = BufReader::new(Guarded::new(tcp, peer));
    reply(&mut stream, GREET).await?;
    let greeting = ask(&mut stream, Ehlo::new(name.clone()), GREET).await?;
    let server = ServerInfo::from_response(&greeting);
    let server = server.map_err(|error| failure::failed(GREET, &error))?;
    if !server.supports_feature(Extension::StartTls) {
        let cause =
            "STARTTLS is not supported by the server; use smtps:// if it has TLS from the start";
        return Err(AdapterError::new(START_TLS, cause));
    }
    ask(&mut stream, Starttls, START_TLS).await?;
    let stream = stream.into_inner().into_stream();
    stream.ok_or_else(|| AdapterError::new(START_TLS, "replies were injected before TLS"))
}

async fn ask(
    stream: &mut BufReader<Guarded<TcpStream>>,
    command: impl ToString,
    operation: &'static str,
) -> Result<Response, AdapterError> {
    let failed = |error| AdapterError::new(operation, error);
    let command = command.to_string();
    stream.write_all(command.as_bytes()).await.map_err(failed)?;
    reply(stream, operation).await
}

/// Reads a reply, whose last line is the first without a hyphen after the code.
async fn reply(
    stream: &mut BufReader<Guarded<TcpStream>>,
    operation: &'static str,
) -> Result<Response, AdapterError> {
    let mut text = String::new();
    loop {
        let start = text.len();
        let read = stream.read_line(&mut text).await;
        let read = read.map_err(|error| AdapterError::new(operation, error))?;
        if read == 0 || text.as_bytes().get(start + 3) != Some(&b'-') {
            break;
        }
    }
    let response: Response = text
        .parse()
        .map_err(|_| AdapterError::new(operation, failure::NO_ANSWER))?;
    if response.is_positive() {
        Ok(response)
    } else {
        let cause = failure::answered(response.code(), response.first_word());
        Err(AdapterError::new(operation, cause))
    }
}
