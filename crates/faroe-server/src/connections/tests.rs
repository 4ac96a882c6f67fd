//! Tests of misbehaving clients, with handlers that report when they end.

use std::{future, net::SocketAddr};

use axum::{Router, body::Body, extract::State, routing::get};
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::Mode;

/// Starts a server with this router, which runs until the test ends.
async fn serve_on_a_free_port(
    router: Router,
    prepare: impl Fn(&mut Http),
) -> (SocketAddr, Arc<Places>) {
    let mut http = Http::default();
    prepare(&mut http);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let places = Arc::new(Places::new(http.max_connections));
    let hosts = Arc::new(Hosts::new(Mode::Development, &http));
    let same_places = Arc::clone(&places);
    tokio::spawn(async move {
        let answers_for = |_| router.clone();
        serve(
            listener,
            answers_for,
            &http,
            hosts,
            same_places,
            future::pending(),
        )
        .await;
    });
    (address, places)
}

async fn get_root(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    stream
}

/// Sends a message when it is dropped.
struct TellsItsEnd(Option<oneshot::Sender<()>>);

impl Drop for TellsItsEnd {
    fn drop(&mut self) {
        let _ = self.0.take().map(|ended| ended.send(()));
    }
}

#[tokio::test]
async fn a_disconnect_cancels_the_request() {
    let (started, mut has_started) = mpsc::unbounded_channel();
    let handler = |State(started): State<mpsc::UnboundedSender<_>>| async move {
        let (ended, has_ended) = oneshot::channel();
        let _guard = TellsItsEnd(Some(ended));
        started.send(has_ended).unwrap();
        future::pending::<()>().await;
    };
    let router = Router::new().route("/", get(handler)).with_state(started);
    let (address, _) = serve_on_a_free_port(router, |_| {}).await;
    let stream = get_root(address).await;
    let has_ended = has_started.recv().await.unwrap();
    drop(stream);
    has_ended.await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_disconnected() {
    let (started, mut has_started) = mpsc::unbounded_channel();
    let handler = |State(started): State<mpsc::UnboundedSender<_>>| async move {
        started.send(()).unwrap();
        Body::from(vec![0; 64 * 1024 * 1024])
    };
    let router = Router::new().route("/", get(handler)).with_state(started);
    let (address, places) = serve_on_a_free_port(router, |http| {
        http.max_connections = 2.try_into().unwrap();
        http.write_timeout = Duration::from_millis(100);
    })
    .await;
    let _stream = get_root(address).await;
    has_started.recv().await.unwrap();
    places.all_are_free().await;
}

#[tokio::test]
async fn a_client_that_keeps_sending_after_its_response_is_disconnected() {
    let router = Router::new().route("/", get(|| async { [("connection", "close")] }));
    let (address, places) =
        serve_on_a_free_port(router, |http| http.max_connections = 2.try_into().unwrap()).await;
    let mut stream = get_root(address).await;
    let sender = tokio::spawn(async move { while stream.write_all(&[0; 4096]).await.is_ok() {} });
    sender.await.unwrap();
    places.all_are_free().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let (started, mut has_started) = mpsc::unbounded_channel();
    let handler = |State(started): State<mpsc::UnboundedSender<_>>| async move {
        let (go_on, may_go_on) = oneshot::channel::<()>();
        started.send(go_on).unwrap();
        may_go_on.await.unwrap();
        [("connection", "close")]
    };
    let router = Router::new().route("/", get(handler)).with_state(started);
    let (address, _) =
        serve_on_a_free_port(router, |http| http.max_connections = 2.try_into().unwrap()).await;
    let _streams = (
        get_root(address).await,
        get_root(address).await,
        get_root(address).await,
    );
    let mut running = vec![
        has_started.recv().await.unwrap(),
        has_started.recv().await.unwrap(),
    ];
    assert!(has_started.try_recv().is_err());
    running.remove(0).send(()).unwrap();
    has_started.recv().await.unwrap();
}

#[tokio::test]
async fn an_incomplete_head_does_not_delay_the_shutdown() {
    let http = Http {
        header_timeout: Duration::from_millis(100),
        shutdown_timeout: Duration::from_secs(3600),
        ..Http::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let places = Arc::new(Places::new(http.max_connections));
    let hosts = Arc::new(Hosts::new(Mode::Development, &http));
    let (stop, stops) = oneshot::channel::<()>();
    let (accepted, mut has_accepted) = mpsc::unbounded_channel();
    let serving = tokio::spawn(async move {
        let answers_for = move |_| {
            accepted.send(()).unwrap();
            Router::new()
        };
        let stops = async { stops.await.unwrap() };
        serve(listener, answers_for, &http, hosts, places, stops).await;
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HT").await.unwrap();
    has_accepted.recv().await.unwrap();
    stop.send(()).unwrap();
    timeout(Duration::from_secs(60), serving)
        .await
        .unwrap()
        .unwrap();
}
