//! Connecting to the server and greeting it.

use std::{net::SocketAddr, sync::Arc};

use faroe_address::is_this_machine;
use faroe_core::error::AdapterError;
use lettre::transport::smtp::{
    client::{AsyncSmtpConnection, AsyncTokioStream},
    extension::ClientId,
};
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    authentication,
    failure::failed,
    options::{SmtpCredentials, SmtpOptions, SmtpSecurity},
    starttls,
    stream::Guarded,
};

const CONNECT: &str = "connect to the SMTP server";
pub(crate) const GREET: &str = "greet the SMTP server";
pub(crate) const START_TLS: &str = "start TLS with the SMTP server";

/// Opens connections to one server.
pub(crate) struct Connector {
    host: String,
    port: u16,
    security: SmtpSecurity,
    /// The settings of TLS and the name in the server's certificate, unless the security is plain.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    credentials: Option<SmtpCredentials>,
    /// The client's name in EHLO.
    name: ClientId,
}

impl Connector {
    pub(crate) fn new(options: &SmtpOptions, domain: &str) -> Result<Self, AdapterError> {
        let (host, security) = (options.host.as_str(), options.security);
        let tls = match security {
            SmtpSecurity::Tls | SmtpSecurity::StartTls => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|error| AdapterError::new("use the name of the SMTP server", error))?;
                let settings = faroe_tls::client_config(options.root_certificates.as_deref())?;
                Some((TlsConnector::from(Arc::new(settings)), name))
            }
            SmtpSecurity::Plain => None,
        };
        Ok(Self {
            host: host.to_owned(),
            port: options.port,
            security,
            tls,
            credentials: options.credentials.clone(),
            name: ClientId::Domain(domain.to_owned()),
        })
    }

    /// Opens a connection, secures it and authenticates.
    pub(crate) async fn connect(&self) -> Result<AsyncSmtpConnection, AdapterError> {
        let (tcp, peer) = self
            .reach()
            .await
            .map_err(|error| AdapterError::new(CONNECT, error))?;
        let stream: Box<dyn AsyncTokioStream> = match self.security {
            SmtpSecurity::Plain => Box::new(Guarded::new(tcp, peer)),
            SmtpSecurity::Tls => Box::new(Guarded::new(self.secure(tcp).await?, peer)),
            SmtpSecurity::StartTls => {
                let tcp = starttls::request(tcp, peer, &self.name).await?;
                Box::new(Guarded::greeted(self.secure(tcp).await?, peer))
            }
        };
        let greeted = AsyncSmtpConnection::connect_with_transport(stream, &self.name).await;
        let mut connection = greeted.map_err(|error| failed(GREET, &error))?;
        if let Some(credentials) = &self.credentials {
            authentication::sign_in(&mut connection, credentials).await?;
        }
        Ok(connection)
    }

    async fn secure(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, AdapterError> {
        let (connector, name) = self.tls.as_ref().expect("the security is not plain");
        let stream = connector.connect(name.clone(), tcp).await;
        stream.map_err(|error| AdapterError::new(START_TLS, error))
    }

    /// Opens a TCP connection to the first address that accepts one. Without TLS, only loopback addresses are tried,
    /// whatever the name resolves to.
    async fn reach(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        let is_plain = self.tls.is_none();
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
