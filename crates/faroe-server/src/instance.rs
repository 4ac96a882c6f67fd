//! A server that listens.

use std::{fmt::Write, net::SocketAddr, sync::Arc};

use faroe_axum::{endpoint::ActionInvocationEndpoint, ip_rate_limit::IpRateLimit};
use faroe_core::{background::BackgroundTasks, email::EmailSender};
use faroe_email_queue::{EmailQueue, EmailQueueOptions};
use tokio::{net::TcpListener, sync::Semaphore, time::Instant};

use crate::{
    Configuration, Mode, StartError,
    assembly::{Assembly, assemble},
    connections,
    dev_mailbox::DevMailbox,
    http::{self, App, HttpService},
    open_email::{OpenEmailSender, email_templates},
};

/// A server that has opened its storage and its user store and listens for connections.
#[derive(Debug)]
pub struct Instance {
    configuration: Configuration,
    listener: TcpListener,
    address: SocketAddr,
    service: HttpService,
    /// A permit for each connection that there may be.
    places: Arc<Semaphore>,
    email: Email,
    background: Arc<BackgroundTasks>,
}

/// What becomes of emails.
#[derive(Clone, Debug)]
enum Email {
    /// They are kept and shown, in development mode.
    Shown(Arc<DevMailbox>),
    /// They are sent, in production mode: notifications later.
    Sent(Arc<EmailQueue>),
}

impl Email {
    fn open(configuration: &Configuration) -> Result<Self, StartError> {
        match (configuration.mode, &configuration.email_sender) {
            (Mode::Production, Some(place)) => {
                let sender = OpenEmailSender::open(place, &configuration.email)?;
                let queue = EmailQueue::new(Arc::new(sender), EmailQueueOptions::default());
                Ok(Self::Sent(Arc::new(queue)))
            }
            _ => {
                let mailbox = DevMailbox::new(email_templates(&configuration.email)?);
                Ok(Self::Shown(Arc::new(mailbox)))
            }
        }
    }

    fn sender(&self) -> Arc<dyn EmailSender> {
        match self {
            Self::Shown(mailbox) => Arc::clone(mailbox) as _,
            Self::Sent(queue) => Arc::clone(queue) as _,
        }
    }
}

impl Instance {
    /// Opens everything and listens. Connections wait until [`Instance::run_until`] serves them.
    ///
    /// # Errors
    ///
    /// A setting that makes no sense, a file that cannot be opened, or an address that cannot be listened on.
    pub async fn start(configuration: Configuration) -> Result<Self, StartError> {
        let email = Email::open(&configuration)?;
        let Assembly {
            server,
            background,
            readiness,
        } = assemble(&configuration, email.sender()).await?;
        let blocked_actions = configuration
            .http
            .blocked_actions
            .iter()
            .map(String::as_str);
        let mut endpoint = ActionInvocationEndpoint::with_blocklist(server, blocked_actions)
            .map_err(|error| StartError::because("http.blocked_actions", &error))?
            .with_body_timeout(configuration.http.body_timeout)
            .with_request_timeout(configuration.http.request_timeout);
        let ip_rate_limit = ip_rate_limit(&configuration)?;
        if let Some(limit) = &ip_rate_limit {
            endpoint = endpoint.guarded_by(limit.clone());
        }
        let places = Arc::new(Semaphore::new(configuration.http.max_connections as usize));
        let service = http::service(App {
            endpoint,
            ip_rate_limit: ip_rate_limit.map(|limit| limit.requests_layer()),
            readiness,
            dev_mailbox: match &email {
                Email::Shown(mailbox) => Some(Arc::clone(mailbox)),
                Email::Sent(_) => None,
            },
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
            service,
            places,
            email,
            background,
        })
    }

    /// Where it listens: with the real port if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then it accepts no more connections, finishes the requests in flight and what they left
    /// to do, sends the notifications that wait, and returns, after the shutdown timeout at the latest.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send) {
        let http = &self.configuration.http;
        let mut deadline = Instant::now();
        let stop = async {
            stop.await;
            deadline = Instant::now() + http.shutdown_timeout;
        };
        let answers_for = |peer| self.service.for_connection_of(peer);
        connections::serve(self.listener, answers_for, http, self.places, stop).await;
        let left = || deadline.saturating_duration_since(Instant::now());
        let lost = self.background.flush(left()).await;
        if lost > 0 {
            tracing::warn!(lost, "stopped before all uses of sessions were recorded");
        }
        if let Email::Sent(queue) = self.email {
            let lost = queue.flush(left()).await;
            if lost > 0 {
                tracing::warn!(lost, "stopped before all notifications were sent");
            }
        }
    }

    /// What to tell whoever has started it: where it listens, in the first line alone, and where to go next.
    pub fn welcome(&self) -> String {
        let url = format!("http://{}", self.address);
        let (data, users) = (
            &self.configuration.main_storage,
            &self.configuration.user_store,
        );
        let mut text = format!("listening on {url}\n");
        if let (Email::Sent(_), Some(sender)) = (&self.email, &self.configuration.email_sender) {
            write!(
                text,
                "
Faroe {version} in production mode.
  data    {data}
  users   {users}
  emails  {sender}
",
                version = env!("CARGO_PKG_VERSION"),
            )
            .expect("a String takes any text");
            return text;
        }
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

fn ip_rate_limit(configuration: &Configuration) -> Result<Option<IpRateLimit>, StartError> {
    let Some(options) = configuration.ip_rate_limit.clone() else {
        return Ok(None);
    };
    let is_behind_a_proxy = configuration.mode == Mode::Production
        && configuration.listen.ip().to_canonical().is_loopback();
    if is_behind_a_proxy && options.trusted_proxies == 0 {
        tracing::warn!(
            "ip_rate_limit takes all who ask for one client: only this machine can connect, and \
             ip_rate_limit.trusted_proxies is 0"
        );
    }
    let limit = IpRateLimit::new(options);
    limit
        .map(Some)
        .map_err(|reason| StartError::new(format!("ip_rate_limit.{reason}")))
}

async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
