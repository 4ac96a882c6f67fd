//! An auth server of fakes, an app in front of it, and a browser that is nothing but headers.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use faroe_axum::{
    Auth, AuthOptions, Client, Rejection, SignedIn, Unavailable, endpoint::ActionInvocationEndpoint,
};
use faroe_client::http::HttpOptions;
use faroe_core::{
    Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    client::{ActionInvocationEndpointClient, SendError},
    protocol::{
        secret::SessionToken,
        signup::{
            CompleteSignup, CreateSignup, SetSignupPassword,
            VerifySignupEmailAddressVerificationCode,
        },
    },
};
use faroe_testkit::{
    fault::{Extent, Fault, Faults, Injection},
    hasher::CountingHasher,
    mailbox::Mailbox,
    storage::ReferenceStorage,
    user_store::ReferenceUserStore,
};
use reqwest::{Method, RequestBuilder};
use tokio::{net::TcpListener, task::AbortHandle};

/// An auth server.
pub(crate) struct Faroe {
    pub(crate) server: Server,
    pub(crate) users: Arc<ReferenceUserStore>,
    /// Faults of the main storage.
    pub(crate) faults: Arc<Faults>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) hasher: Arc<CountingHasher>,
}

impl Faroe {
    /// Makes every call of the main storage fail until the faults are healed.
    pub(crate) fn break_storage(&self) {
        self.faults.inject(Injection {
            fault: Fault::FailBeforeActing,
            at: 0,
            extent: Extent::Everything,
        });
    }

    pub(crate) fn new() -> Self {
        let (users, mailbox) = (
            Arc::<ReferenceUserStore>::default(),
            Arc::<Mailbox>::default(),
        );
        let faults = Arc::<Faults>::default();
        let main = faults.wrap(Arc::new(ReferenceStorage::keeping_expired()));
        let mut storages = Storages::single(ReferenceStorage::keeping_expired());
        storages.main = Arc::new(main);
        let hasher = Arc::new(CountingHasher::new("fast"));
        let parts = ServerParts::new(
            storages,
            users.clone(),
            UserPasswordHashAlgorithms::new(hasher.clone()),
            hasher.clone(),
            mailbox.clone(),
        );
        Self {
            server: Server::new(parts, ServerOptions::default()).unwrap(),
            users,
            faults,
            mailbox,
            hasher,
        }
    }

    /// Both ways to it: directly, and over HTTP for as long as the app is there.
    pub(crate) async fn clients(&self) -> ([Client; 2], App) {
        let endpoint = ActionInvocationEndpoint::new(self.server.clone());
        let app = App::serve(endpoint.into_router()).await;
        let remote = Client::http(&app.url, HttpOptions::default()).unwrap();
        ([self.server.clone().into(), remote], app)
    }

    /// The session token of a new user.
    pub(crate) async fn sign_up(&self, email_address: &str) -> SessionToken {
        let created = self.server.invoke(CreateSignup {
            email_address: email_address.into(),
        });
        let signup_token = created.await.unwrap().signup_token;
        let verify = VerifySignupEmailAddressVerificationCode {
            signup_token: signup_token.clone(),
            email_address_verification_code: self.mailbox.last_code(email_address).unwrap(),
        };
        self.server.invoke(verify).await.unwrap();
        let set = SetSignupPassword {
            signup_token: signup_token.clone(),
            password: "violet-hammock-7-glacier".into(),
        };
        self.server.invoke(set).await.unwrap();
        let completed = self.server.invoke(CompleteSignup::new(signup_token)).await;
        completed.unwrap().session_token
    }
}

/// A client for HTTP. Built with TLS it wants a provider of that even if it does not speak it.
fn http_client() -> reqwest::Client {
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap()
}

/// An app that is listening. It is gone when this is dropped.
pub(crate) struct App {
    pub(crate) url: String,
    http: reqwest::Client,
    task: AbortHandle,
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl App {
    /// An app with every kind of route.
    pub(crate) async fn start(client: impl Into<Client>, options: AuthOptions) -> Self {
        let auth = Auth::new(client, options);
        let router = Router::new()
            .route("/", get(home).post(home))
            .route("/account", get(account).post(account))
            .route("/many", get(many).layer(from_fn(guest_list)))
            .route("/sign-in", post(sign_in))
            .route("/sign-out", post(sign_out))
            .layer(auth)
            .route("/outside", get(account));
        Self::serve(router).await
    }

    pub(crate) async fn serve(router: Router) -> Self {
        Self::listen(|listener| async { axum::serve(listener, router).await.unwrap() }).await
    }

    /// Serves an app that is told who has made each connection.
    pub(crate) async fn serve_with_peers(router: Router) -> Self {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        Self::listen(|listener| async { axum::serve(listener, service).await.unwrap() }).await
    }

    async fn listen<F>(serve: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self {
            url,
            http: http_client(),
            task: tokio::spawn(serve(listener)).abort_handle(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }
}

/// Sends a request: status, body, and the headers in question.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.text().await.unwrap())
}

/// The only value of a header of the answer, if there is one.
pub(crate) async fn header(request: RequestBuilder, name: &str) -> Option<String> {
    let response = request.send().await.unwrap();
    let mut values = response.headers().get_all(name).iter();
    let value = values
        .next()
        .map(|value| value.to_str().unwrap().to_owned());
    assert!(values.next().is_none(), "{name} is there twice");
    value
}

/// The `Cookie` header of a browser on https that holds this session token.
pub(crate) fn cookie(token: &SessionToken) -> String {
    format!("__Host-session={}", token.expose())
}

async fn home(signed_in: Option<SignedIn>) -> String {
    match signed_in {
        Some(signed_in) => format!("user {}", signed_in.session.user_id),
        None => "nobody".to_owned(),
    }
}

async fn account(signed_in: SignedIn) -> String {
    format!("user {}", signed_in.session.user_id)
}

async fn many(
    first: SignedIn,
    second: Option<SignedIn>,
    third: Result<SignedIn, Rejection>,
    auth: Auth,
) -> String {
    drop(auth);
    let (second, third) = (second.unwrap(), third.unwrap());
    assert_eq!(first.session, second.session);
    assert_eq!(second.session, third.session);
    "the same three times".to_owned()
}

/// A middleware that wants to know as well.
async fn guest_list(signed_in: SignedIn, request: Request, next: Next) -> Response {
    assert!(!signed_in.session.id.as_str().is_empty());
    next.run(request).await
}

/// Signs in with the token in the body.
async fn sign_in(auth: Auth, session_token: String) -> impl IntoResponse {
    let cookie = auth.session_cookie(&session_token.into());
    (cookie, Redirect::to("/account"))
}

async fn sign_out(auth: Auth, signed_in: SignedIn) -> Result<impl IntoResponse, Unavailable> {
    Ok((auth.sign_out(signed_in).await?, Redirect::to("/")))
}

/// The way to a server that answers one thing only.
#[derive(Debug)]
pub(crate) struct Scripted(pub(crate) Script);

/// The answer.
pub(crate) type Script = fn() -> Result<Vec<u8>, SendError>;

#[async_trait]
impl ActionInvocationEndpointClient for Scripted {
    async fn send(&self, _body: String) -> Result<Vec<u8>, SendError> {
        (self.0)()
    }
}
