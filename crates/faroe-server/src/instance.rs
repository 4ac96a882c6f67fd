//! A server that listens.

use std::{
    fmt::Write,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use faroe_address::is_this_machine;
use faroe_axum::{endpoint::ActionInvocationEndpoint, ip_rate_limit::IpRateLimit};
use faroe_core::{background::BackgroundTasks, email::EmailSender};
use faroe_email_queue::{EmailQueue, EmailQueueOptions};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use crate::{
    Configuration, Mode, StartError,
    assembly::{Assembly, assemble},
    configuration::Settings,
    connections::{self, Places},
    dev_mailbox::DevMailbox,
    hosts::Hosts,
    http::{self, App, HttpService},
    open::{
        email::{OpenEmailSender, email_templates},
        listen,
    },
};

/// A server that has opened its storage and its user store and listens for connections.
#[derive(Debug)]
pub struct Instance {
    settings: Box<Settings>,
    listener: TcpListener,
    address: SocketAddr,
    service: HttpService,
    hosts: Arc<Hosts>,
    places: Arc<Places>,
    email: Email,
    background: Arc<BackgroundTasks>,
}

/// The destination of emails.
#[derive(Clone, Debug)]
enum Email {
    /// Kept and shown, in development mode.
    Shown(Arc<DevMailbox>),
    /// Sent, in production mode: codes at once, notifications from a queue.
    Sent(Arc<EmailQueue>),
}

impl Email {
    fn open(settings: &Settings) -> Result<Self, StartError> {
        match (settings.mode, &settings.email_sender) {
            (Mode::Production, Some(place)) => {
                let sender = OpenEmailSender::open(place, &settings.email)?;
                let mut options = EmailQueueOptions::default();
                options.capacity = settings.email.queue.get();
                let queue = EmailQueue::new(Arc::new(sender), options);
                Ok(Self::Sent(Arc::new(queue)))
            }
            _ => {
                let mailbox = DevMailbox::new(email_templates(&settings.email)?);
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
    /// A setting is invalid, an adapter cannot be opened, or the address cannot be listened on.
    pub async fn start(configuration: Configuration) -> Result<Self, StartError> {
        let settings = configuration.settings;
        let email = Email::open(&settings)?;
        let Assembly {
            server,
            background,
            readiness,
        } = assemble(&settings, email.sender()).await?;
        let http = &settings.http;
        let blocked_actions = http.blocked_actions.iter().map(String::as_str);
        let mut endpoint = ActionInvocationEndpoint::with_blocklist(server, blocked_actions)
            .map_err(|error| StartError::because("http.blocked_actions", &error))?
            .with_body_timeout(http.body_timeout)
            .with_request_timeout(http.request_timeout);
        let ip_rate_limit = ip_rate_limit(&settings)?;
        if let Some(limit) = &ip_rate_limit {
            endpoint = endpoint.guarded_by(limit.clone());
        }
        let hosts = Arc::new(Hosts::new(settings.mode, http));
        let places = Arc::new(Places::new(http.max_connections));
        let service = http::service(App {
            endpoint,
            ip_rate_limit: ip_rate_limit.map(|limit| limit.requests_layer()),
            readiness,
            dev_mailbox: match &email {
                Email::Shown(mailbox) => Some(Arc::clone(mailbox)),
                Email::Sent(_) => None,
            },
            signup_fields: settings.signup_fields(),
            hosts: Arc::clone(&hosts),
            places: Arc::clone(&places),
            drains: AtomicBool::new(false),
        });
        let (listener, address) = listen(settings.listen).await?;
        Ok(Self {
            settings,
            listener,
            address,
            service,
            hosts,
            places,
            email,
            background,
        })
    }

    /// Returns the address that it listens on, with the real port if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, and for the drain delay. Then it accepts no more connections, finishes the requests in flight
    /// and what they left to do, sends the notifications that wait, and returns, after the shutdown timeout at the latest.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send) {
        let http = &self.settings.http;
        let mut deadline = Instant::now();
        let stop = async {
            stop.await;
            if let Some(delay) = http.drain_delay {
                tracing::info!(?delay, "draining: not ready, and everything is answered");
                self.service.drain();
                sleep(delay).await;
            }
            deadline = Instant::now() + http.shutdown_timeout;
        };
        let answers_for = |peer| self.service.for_connection_of(peer);
        connections::serve(
            self.listener,
            answers_for,
            http,
            self.hosts,
            self.places,
            stop,
        )
        .await;
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

    /// Returns a text for the person who started it: the address alone in the first line, then where to go next.
    pub fn welcome(&self) -> String {
        let url = format!("http://{}", self.address);
        let (data, users) = (
            self.settings.main_storage_place(),
            self.settings.user_store_place(),
        );
        let mut text = format!("listening on {url}\n");
        if let (Email::Sent(_), Some(sender)) = (&self.email, &self.settings.email_sender) {
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

fn ip_rate_limit(settings: &Settings) -> Result<Option<IpRateLimit>, StartError> {
    let Some(options) = settings.ip_rate_limit.options()? else {
        return Ok(None);
    };
    let is_behind_a_proxy =
        settings.mode == Mode::Production && is_this_machine(settings.listen.ip());
    if is_behind_a_proxy && options.trusted_proxies == 0 {
        tracing::warn!(
            "ip_rate_limit counts all clients as one: only this machine can connect, and \
             ip_rate_limit.trusted_proxies is 0"
        );
    }
    let limit = IpRateLimit::new(options);
    limit
        .map(Some)
        .map_err(|reason| StartError::new(format!("ip_rate_limit.{reason}")))
}
