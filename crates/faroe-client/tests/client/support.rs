//! A server of fakes, and two ways to it.

use std::sync::Arc;

use axum::Router;
use faroe_axum::endpoint::ActionInvocationEndpoint;
use faroe_client::{Client, http::HttpOptions};
use faroe_core::{Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms};
use faroe_testkit::{
    hasher::CountingHasher, log::ErrorLog, mailbox::Mailbox, storage::ReferenceStorage,
    user_store::ReferenceUserStore,
};
use tokio::{net::TcpListener, task::AbortHandle};

pub(crate) const PASSWORD: &str = "violet-hammock-7-glacier";

/// A server of fakes.
pub(crate) struct Faroe {
    pub(crate) server: Server,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) hasher: Arc<CountingHasher>,
    pub(crate) log: Arc<ErrorLog>,
}

impl Faroe {
    pub(crate) fn new() -> Self {
        let (mailbox, hasher) = (
            Arc::<Mailbox>::default(),
            Arc::new(CountingHasher::new("fast")),
        );
        let log = Arc::<ErrorLog>::default();
        let parts = ServerParts::new(
            Storages::single(ReferenceStorage::keeping_expired()),
            Arc::new(ReferenceUserStore::default()),
            UserPasswordHashAlgorithms::new(hasher.clone()),
            hasher.clone(),
            mailbox.clone(),
        );
        let mut options = ServerOptions::default();
        options.hashing.permits = 1;
        options.hashing.queue = 0;
        options.error_logger = log.clone();
        Self {
            server: Server::new(parts, options).unwrap(),
            mailbox,
            hasher,
            log,
        }
    }

    /// Serves it over HTTP.
    pub(crate) async fn listen(&self) -> Listening {
        let endpoint = ActionInvocationEndpoint::new(self.server.clone());
        Listening::start(endpoint.into_router()).await
    }
}

/// Something that listens for HTTP. It is gone when this is dropped.
pub(crate) struct Listening {
    pub(crate) client: Client,
    task: AbortHandle,
}

impl Listening {
    pub(crate) async fn start(router: Router) -> Self {
        Self::start_with(router, HttpOptions::default()).await
    }

    pub(crate) async fn start_with(router: Router, options: HttpOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            client: Client::http(&url, options).unwrap(),
            task: task.abort_handle(),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}
