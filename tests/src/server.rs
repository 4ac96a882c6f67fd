//! A server inside the test, with real HTTP in front and fakes behind it.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use faroe_axum::endpoint::ActionInvocationEndpoint;
use faroe_core::{
    Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    email::EmailAddressChecker, error::AdapterError, password::PasswordStrengthChecker,
    protocol::secret::Password,
};
use faroe_testkit::{
    clock::ManualClock, fault::Faults, hasher::CountingHasher, log::ErrorLog, mailbox::Mailbox,
    storage::ReferenceStorage, user_store::ReferenceUserStore,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::AbortHandle};

use crate::{
    client::{Client, Inbox},
    wire::{Outcome, Wire},
};

/// A server with its client, to which it dereferences, and all that a test can observe or change behind the wire.
#[derive(Debug)]
pub struct TestServer {
    /// The server, from which a test can mount other endpoints.
    pub server: Server,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// The emails that were sent.
    pub mailbox: Arc<Mailbox>,
    /// The hasher of passwords.
    pub hasher: Arc<CountingHasher>,
    /// The storage of records and token buckets.
    pub storage: Arc<ReferenceStorage>,
    /// The application's users.
    pub users: Arc<ReferenceUserStore>,
    /// The faults at calls of the storages and the user store.
    pub faults: Arc<Faults>,
    /// The faults that were logged.
    pub errors: Arc<ErrorLog>,
    /// A switch that refuses new email addresses.
    pub refuses_email_addresses: Arc<Switch>,
    /// A switch that refuses new passwords.
    pub refuses_passwords: Arc<Switch>,
    mount: Mount,
    client: Client,
}

impl Deref for TestServer {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl TestServer {
    /// Starts a server with the protocol's defaults.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with other options than the defaults.
    pub async fn start_with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        Self::start_on(|_| ReferenceStorage::keeping_expired(), change).await
    }

    /// Starts a server on a storage other than the default, which keeps expired entries.
    pub async fn start_on(
        storage: impl FnOnce(Arc<ManualClock>) -> ReferenceStorage,
        change: impl FnOnce(&mut ServerOptions),
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let storage = Arc::new(storage(Arc::clone(&clock)));
        let (mailbox, errors) = (Arc::<Mailbox>::default(), Arc::<ErrorLog>::default());
        let users = Arc::<ReferenceUserStore>::default();
        let hasher = Arc::new(CountingHasher::new("counting"));
        let faults = Arc::<Faults>::default();
        let refuses_email_addresses = Arc::<Switch>::default();
        let refuses_passwords = Arc::<Switch>::default();
        let storages = Storages::new(
            Arc::new(faults.wrap(storage.clone())),
            Arc::new(faults.wrap(storage.clone())),
        );
        let parts = ServerParts::new(
            storages,
            Arc::new(faults.wrap(users.clone())),
            UserPasswordHashAlgorithms::new(hasher.clone()),
            hasher.clone(),
            mailbox.clone(),
        );
        let mut options = ServerOptions::default();
        options.email_address_checker = refuses_email_addresses.clone();
        options.password_strength_checker = refuses_passwords.clone();
        options.error_logger = errors.clone();
        options.clock = clock.clone();
        change(&mut options);
        let server = Server::new(parts, options).unwrap();
        let mount = Mount::start(ActionInvocationEndpoint::new(server.clone())).await;
        let client = Client {
            wire: mount.wire.clone(),
            inbox: Inbox::Mailbox(mailbox.clone()),
        };
        Self {
            server,
            clock,
            mailbox,
            hasher,
            storage,
            users,
            faults,
            errors,
            refuses_email_addresses,
            refuses_passwords,
            mount,
            client,
        }
    }

    /// Runs a race with a certain winner: the first action is stopped just before this call, the second one runs as a whole,
    /// and then the first one continues.
    pub async fn race(
        &self,
        call: &'static str,
        first: (&str, Value),
        second: impl Future<Output = Outcome>,
    ) -> (Outcome, Outcome) {
        let mut held = self.faults.hold(call);
        let second = async {
            held.reached().await;
            let outcome = second.await;
            held.release();
            outcome
        };
        tokio::join!(self.invoke(first.0, first.1), second)
    }

    /// Returns the URL.
    pub fn url(&self) -> &str {
        self.mount.wire.url()
    }
}

/// An endpoint behind HTTP, on a port of its own. It is gone when this is dropped.
#[derive(Debug)]
pub struct Mount {
    /// The connection to the endpoint.
    pub wire: Wire,
    task: AbortHandle,
}

impl Mount {
    /// Serves an endpoint.
    pub async fn start(endpoint: ActionInvocationEndpoint) -> Self {
        let router = endpoint.into_router::<()>();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Wire::new(format!("http://{}", listener.local_addr().unwrap()));
        let task = tokio::spawn(axum::serve(listener, router).into_future()).abort_handle();
        Self { wire, task }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A checker that refuses everything while it is on.
#[derive(Debug, Default)]
pub struct Switch(AtomicBool);

impl Switch {
    /// Turns it on or off.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::SeqCst);
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl EmailAddressChecker for Switch {
    async fn is_allowed(&self, _email_address: &str) -> Result<bool, AdapterError> {
        Ok(!self.is_on())
    }
}

#[async_trait]
impl PasswordStrengthChecker for Switch {
    async fn is_strong_enough(&self, _password: &Password) -> Result<bool, AdapterError> {
        Ok(!self.is_on())
    }
}
