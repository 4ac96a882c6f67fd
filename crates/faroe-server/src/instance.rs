//! A server that listens.

use std::{fmt::Write, net::SocketAddr, sync::Arc};

use axum::Router;
use faroe_axum::endpoint::ActionInvocationEndpoint;
use faroe_email_templates::{EmailTemplates, EmailTemplatesOptions};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    Configuration, StartError,
    assembly::{Assembly, assemble},
    connections,
    dev_mailbox::DevMailbox,
    http::{self, App},
};

/// A server that has opened its storage and its user store and listens for connections.
#[derive(Debug)]
pub struct Instance {
    configuration: Configuration,
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    /// A permit for each connection that there may be.
    places: Arc<Semaphore>,
}

impl Instance {
    /// Opens everything and listens. Connections wait until [`Instance::run_until`] serves them.
    ///
    /// # Errors
    ///
    /// A setting that makes no sense, a file that cannot be opened, or an address that cannot be listened on.
    pub async fn start(configuration: Configuration) -> Result<Self, StartError> {
        let templates = EmailTemplates::new(EmailTemplatesOptions::new("Faroe"))
            .map_err(|error| StartError::because("email", &error))?;
        let dev_mailbox = Arc::new(DevMailbox::new(Arc::new(templates)));
        let Assembly { server, readiness } = assemble(&configuration, dev_mailbox.clone()).await?;
        let blocked_actions = configuration
            .http
            .blocked_actions
            .iter()
            .map(String::as_str);
        let endpoint = ActionInvocationEndpoint::with_blocklist(server, blocked_actions)
            .map_err(|error| StartError::because("http.blocked_actions", &error))?
            .with_body_timeout(configuration.http.body_timeout)
            .with_request_timeout(configuration.http.request_timeout);
        let places = Arc::new(Semaphore::new(configuration.http.max_connections as usize));
        let router = http::router(App {
            endpoint,
            readiness,
            dev_mailbox: Some(dev_mailbox),
            http: configuration.http.clone(),
            places: Arc::clone(&places),
        });
        let (listener, address) = listen(configuration.listen).await.map_err(|error| {
            StartError::because(
                format!("could not listen on {}", configuration.listen),
                &error,
            )
        })?;
        Ok(Self {
            configuration,
            listener,
            address,
            router,
            places,
        })
    }

    /// Where it listens: with the real port if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then it accepts no more connections, finishes the requests in flight and returns,
    /// after the shutdown timeout at the latest.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        connections::serve(
            self.listener,
            self.router,
            &self.configuration.http,
            self.places,
            stop,
        )
        .await;
    }

    /// What to tell whoever has started it: where it listens, in the first line alone, and where to go next.
    pub fn welcome(&self) -> String {
        let url = format!("http://{}", self.address);
        let (data, users) = (
            &self.configuration.main_storage,
            &self.configuration.user_store,
        );
        let mut text = format!("listening on {url}\n");
        write!(
            text,
            "
Faroe {version} in development mode: only this machine can connect, and emails are shown instead of sent.
  data    {data}
  users   {users}
  emails  {url}/dev/emails

Walk through a sign-up, and see every request, in your browser:
  {url}/dev
",
            version = env!("CARGO_PKG_VERSION"),
        )
        .expect("a String takes any text");
        text
    }
}

async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
