//! Connecting to the server, authenticating, and sending messages.

use std::{net::SocketAddr, sync::Arc};

use faroe_address::is_this_machine;
use faroe_core::error::AdapterError;
use lettre::{
    address::Envelope,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::{
    failure::failed,
    options::{SmtpOptions, SmtpSecurity},
    stream::Guarded,
    tls,
};

const CONNECT: &str = "connect to the SMTP server";

/// Opens connections to one server.
pub(crate) struct Connector {
    host: String,
    port: u16,
    protection: Protection,
    credentials: Option<Credentials>,
    /// The client's name in EHLO.
    name: ClientId,
}

enum Protection {
    Tls(Arc<ClientConfig>, ServerName<'static>),
    StartTls(TlsParameters),
    Plain,
}

impl Connector {
    pub(crate) fn new(options: &SmtpOptions, domain: &str) -> Result<Self, AdapterError> {
        let (host, roots) = (options.host.as_str(), options.root_certificates.as_deref());
        let protection = match options.security {
            SmtpSecurity::Tls => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|error| AdapterError::new("use the name of the SMTP server", error))?;
                Protection::Tls(tls::from_the_start(roots)?, name)
            }
            SmtpSecurity::StartTls => Protection::StartTls(tls::after_starttls(host, roots)?),
            SmtpSecurity::Plain => Protection::Plain,
        };
        let credentials = options.credentials.as_ref().map(|credentials| {
            Credentials::new(credentials.username.clone(), credentials.password.clone())
        });
        Ok(Self {
            host: host.to_owned(),
            port: options.port,
            protection,
            credentials,
            name: ClientId::Domain(domain.to_owned()),
        })
    }

    /// Opens a connection, secures it and authenticates.
    pub(crate) async fn connect(&self) -> Result<AsyncSmtpConnection, AdapterError> {
        let (tcp, peer) = self
            .reach()
            .await
            .map_err(|error| AdapterError::new(CONNECT, error))?;
        let greeted = match &self.protection {
            Protection::Tls(configuration, name) => {
                let connector = TlsConnector::from(Arc::clone(configuration));
                let stream = connector.connect(name.clone(), tcp).await;
                let stream = stream
                    .map_err(|error| AdapterError::new("start TLS with the SMTP server", error))?;
                let stream = Box::new(Guarded::new(stream, peer));
                AsyncSmtpConnection::connect_with_transport(stream, &self.name).await
            }
            Protection::StartTls(_) | Protection::Plain => {
                let stream = Box::new(Guarded::new(tcp, peer));
                AsyncSmtpConnection::connect_with_transport(stream, &self.name).await
            }
        };
        let mut connection = greeted.map_err(|error| failed("greet the SMTP server", &error))?;
        if let Protection::StartTls(parameters) = &self.protection {
            let upgraded = connection.starttls(parameters.clone(), &self.name).await;
            upgraded.map_err(|error| failed("start TLS with the SMTP server", &error))?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let signed_in = connection.auth(&mechanisms, credentials).await;
            signed_in.map_err(|error| failed("sign in to the SMTP server", &error))?;
        }
        Ok(connection)
    }

    /// Opens a TCP connection to the first address that accepts one. Without TLS, only loopback addresses are tried,
    /// whatever the name resolves to.
    async fn reach(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        let is_plain = matches!(self.protection, Protection::Plain);
        let addresses: Vec<SocketAddr> = lookup_host((self.host.as_str(), self.port))
            .await?
            .filter(|address| !is_plain || is_this_machine(address.ip()))
            .collect();
        if addresses.is_empty() {
            return Err(std::io::Error::other(if is_plain {
                "the server is not on this machine and TLS is off; use smtps://, or smtp:// with STARTTLS"
            } else {
                "the host name has no address"
            }));
        }
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        let peer = stream.peer_addr()?;
        // Commands are small, and each waits for its answer.
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
}

/// Sends a message over an open connection.
pub(crate) async fn send(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<(), AdapterError> {
    let sent = connection.send(envelope, message).await;
    sent.map(drop)
        .map_err(|error| failed("send an email to the SMTP server", &error))
}
