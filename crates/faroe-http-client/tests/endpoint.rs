//! The client against servers that answer with the bytes that a test wants.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use faroe_http_client::{BearerToken, HttpClient, HttpOptions};
use faroe_protocol::{
    client::{ActionInvocationEndpointClient, SendError},
    error::ErrorChain,
    response::MAX_RESPONSE_SIZE,
};
use faroe_testkit::promise;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The behaviour of a test server with each connection.
async fn serve<F>(connection: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream));
        }
    });
    address
}

/// Reads a request that ends with `}`, and gives its text.
async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8(request).unwrap()
}

/// A server that gives every request the same answer and then closes.
async fn answering(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = Arc::new(answer.into());
    serve(move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            read_request(&mut stream).await;
            // A client that has had enough closes first.
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

fn client(address: SocketAddr, options: HttpOptions) -> HttpClient {
    HttpClient::new(&format!("http://{address}/faroe"), options).unwrap()
}

async fn ask(address: SocketAddr, options: HttpOptions) -> Result<Vec<u8>, SendError> {
    client(address, options).send("{}".into()).await
}

#[tokio::test]
async fn a_request_carries_body_and_protection_and_the_answer_comes_back() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await).unwrap();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut options = HttpOptions::default();
    options.protection = Arc::new(BearerToken::new("token").unwrap());
    let client = client(address, options);
    let answer = client.send(r#"{"action":"a"}"#.into()).await.unwrap();
    assert_eq!(answer, b"fine");
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST /faroe HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"action\":\"a\"}"), "{request}");
    for header in [
        "authorization: Bearer token",
        "content-type: application/json",
        "content-length: 14",
        &format!("host: {address}"),
    ] {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
    }
    assert!(!format!("{client:?}").contains("token"), "{client:?}");
}

#[tokio::test]
async fn a_status_tells_whether_anything_was_invoked() {
    for (status, expected) in [
        ("400 Bad Request", "not invoked"),
        ("401 Unauthorized", "not invoked"),
        ("404 Not Found", "not invoked"),
        ("413 Content Too Large", "not invoked"),
        ("429 Too Many Requests", "not invoked"),
        ("503 Service Unavailable\r\nretry-after: 7", "overloaded"),
        ("408 Request Timeout", "no answer"),
        ("500 Internal Server Error", "no answer"),
        ("502 Bad Gateway", "no answer"),
        ("201 Created", "no answer"),
        ("204 No Content", "no answer"),
        ("206 Partial Content", "no answer"),
        ("302 Found\r\nlocation: /elsewhere", "no answer"),
        ("307 Temporary Redirect\r\nlocation: /", "no answer"),
        ("304 Not Modified", "no answer"),
    ] {
        let address = answering(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await;
        let told = match ask(address, HttpOptions::default()).await.unwrap_err() {
            SendError::NotInvoked(_) => "not invoked",
            SendError::Overloaded { retry_after } => {
                assert_eq!(retry_after, Some(Duration::from_secs(7)));
                "overloaded"
            }
            SendError::NoAnswer(_) => "no answer",
        };
        assert_eq!(told, expected, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let visited = Arc::new(AtomicUsize::new(0));
    let elsewhere = serve({
        let visited = Arc::clone(&visited);
        move |_| {
            visited.fetch_add(1, Ordering::SeqCst);
            async {}
        }
    })
    .await;
    for status in ["301 A", "302 A", "303 A", "307 A", "308 A"] {
        let address = answering(format!(
            "HTTP/1.1 {status}\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        let error = ask(address, HttpOptions::default()).await.unwrap_err();
        assert!(matches!(error, SendError::NoAnswer(_)), "{status}");
    }
    assert_eq!(visited.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_answer_may_have_a_mebibyte_and_no_byte_more() {
    let body = |size| "x".repeat(size);
    let sized = |size| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n{}",
            body(size)
        )
    };
    let open = |size| format!("HTTP/1.1 200 OK\r\n\r\n{}", body(size));
    for answer in [sized(MAX_RESPONSE_SIZE), open(MAX_RESPONSE_SIZE)] {
        let address = answering(answer).await;
        let body = ask(address, HttpOptions::default()).await.unwrap();
        assert_eq!(body.len(), MAX_RESPONSE_SIZE);
    }
    for answer in [sized(MAX_RESPONSE_SIZE + 1), open(MAX_RESPONSE_SIZE + 1)] {
        let address = answering(answer).await;
        let error = ask(address, HttpOptions::default()).await.unwrap_err();
        assert!(matches!(error, SendError::NoAnswer(_)));
    }
}

#[tokio::test]
async fn a_silent_and_a_slow_server_are_left_at_the_deadline_and_asked_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let address = serve({
        let asked = Arc::clone(&asked);
        move |mut stream| {
            let is_silent = asked.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                read_request(&mut stream).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
                if !is_silent && stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                // One byte now and then is a sign of life, and still no answer.
                while is_silent || stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    })
    .await;
    let timeout = Duration::from_millis(300);
    for time in 1..=2 {
        let start = Instant::now();
        let mut options = HttpOptions::default();
        options.timeout = timeout;
        let error = ask(address, options).await.unwrap_err();
        assert!(matches!(error, SendError::NoAnswer(_)), "{error:?}");
        assert!(start.elapsed() >= timeout);
        assert!(start.elapsed() < timeout * 10);
        assert_eq!(asked.load(Ordering::SeqCst), time);
    }
}

#[tokio::test]
async fn a_refused_connection_means_that_nothing_was_invoked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = ask(address, HttpOptions::default()).await.unwrap_err();
    assert!(matches!(error, SendError::NotInvoked(_)), "{error:?}");
}

#[test]
fn only_safe_urls_are_used_and_none_is_shown() {
    let refused = |url: &str, options: HttpOptions| {
        let error = HttpClient::new(url, options).err()?;
        let text = ErrorChain(&error).to_string();
        assert!(!text.contains("canary"), "{text}");
        Some(text)
    };
    for url in [
        "",
        "canary",
        "http://canary.example.com/",
        "http://10.0.0.1/canary",
        "http://127.0.0.1.canary.example/",
        "http://localhost.canary.example/",
        "http://0.0.0.0/canary",
        "ftp://canary.example.com/",
        "https://user:canary@example.com/",
        "https://canary@example.com/",
        "https://",
    ] {
        assert!(refused(url, HttpOptions::default()).is_some(), "{url}");
    }
    for url in [
        "https://example.com",
        "https://example.com:8443/faroe?key=canary",
        "http://localhost:4001/",
        "http://127.0.0.1:4001/",
        "http://[::1]:4001/",
    ] {
        assert_eq!(refused(url, HttpOptions::default()), None, "{url}");
    }
    let mut options = HttpOptions::default();
    options.allow_plain_http = true;
    assert_eq!(refused("http://faroe:4000/", options), None);
    for pem in [
        "",
        "canary",
        "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----",
    ] {
        let mut options = HttpOptions::default();
        options.root_certificates = Some(pem.into());
        assert!(refused("https://example.com", options).is_some(), "{pem}");
    }
}

/// A server with this certificate, which counts the bytes that it is told in confidence.
async fn serve_tls(certified: &CertifiedKey<rcgen::KeyPair>) -> (SocketAddr, Arc<AtomicUsize>) {
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(configuration));
    let told = Arc::new(AtomicUsize::new(0));
    let address = serve({
        let told = Arc::clone(&told);
        move |stream| {
            let (acceptor, told) = (acceptor.clone(), Arc::clone(&told));
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let request = read_request(&mut stream).await;
                told.fetch_add(request.len(), Ordering::SeqCst);
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    (address, told)
}

#[tokio::test]
async fn p55_a_server_with_a_bad_certificate_is_told_nothing() {
    let certified = |name: &str| generate_simple_self_signed([name.to_owned()]).unwrap();
    let (right, other) = (certified("localhost"), certified("elsewhere.example"));
    for (case, server, trusted, is_good) in [
        ("as it should be", &right, Some(&right), true),
        ("unknown authority", &right, None, false),
        ("another authority", &right, Some(&other), false),
        ("wrong host", &other, Some(&other), false),
    ] {
        let (address, told) = serve_tls(server).await;
        let mut options = HttpOptions::default();
        options.protection = Arc::new(BearerToken::new("token").unwrap());
        options.root_certificates = trusted.map(|certified| certified.cert.pem());
        let url = format!("https://localhost:{}/", address.port());
        let answer = HttpClient::new(&url, options)
            .unwrap()
            .send("{}".into())
            .await;
        if is_good {
            assert_eq!(answer.unwrap(), b"fine", "{case}");
            assert_ne!(told.load(Ordering::SeqCst), 0, "{case}");
        } else {
            let error = answer.unwrap_err();
            assert!(
                matches!(error, SendError::NotInvoked(_)),
                "{case}: {error:?}"
            );
            assert_eq!(told.load(Ordering::SeqCst), 0, "{case}");
        }
    }
    promise::report("P55", "3 bad certificates of an endpoint, 0 bytes told");
}

#[tokio::test]
async fn p55_a_server_without_tls_is_told_nothing() {
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut bytes = [0; 1024];
            let size = stream.read(&mut bytes).await.unwrap();
            sender.send(bytes[..size].to_vec()).unwrap();
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    })
    .await;
    let mut options = HttpOptions::default();
    options.protection = Arc::new(BearerToken::new("canary").unwrap());
    let url = format!("https://localhost:{}/", address.port());
    let error = HttpClient::new(&url, options)
        .unwrap()
        .send("{}".into())
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::NotInvoked(_)), "{error:?}");
    let heard = heard.recv().await.unwrap();
    assert!(!heard.windows(6).any(|bytes| bytes == b"canary"));
    promise::report("P55", "an endpoint without TLS, 0 bytes told");
}
