//! A scripted range service.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use faroe_pwned_passwords::BaseUrl;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Barrier,
    task::AbortHandle,
};

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Sends these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes and keeps the connection open.
    ThenSilence(Vec<u8>),
    /// Sends these bytes and resets the connection.
    ThenReset(Vec<u8>),
    /// Sends the first bytes at once, and the others one every 100 ms.
    Drip(Vec<u8>, Vec<u8>),
    /// Sends the first bytes once, and the others endlessly.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends these bytes once the crowd is complete.
    Together(Arc<Crowd>, Vec<u8>),
}

/// Requests that are answered together.
#[derive(Debug)]
pub(crate) struct Crowd {
    gate: Barrier,
    waiting: AtomicUsize,
    most: AtomicUsize,
}

impl Crowd {
    pub(crate) fn of(size: usize) -> Arc<Self> {
        Arc::new(Self {
            gate: Barrier::new(size),
            waiting: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    async fn join(&self) {
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        self.gate.wait().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// Returns the maximum number of requests that were waiting at the same time.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// A service on a loopback address. Dropping it stops the service.
#[derive(Debug)]
pub(crate) struct Service {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Service {
    /// Starts a service that gives every request the same answer.
    pub(crate) async fn always(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    /// Starts a service that answers request number `n`, counted from 0, with `answer(n)`.
    pub(crate) async fn start(answer: impl Fn(usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::default());
        let (heads, opened) = (Arc::clone(&requests), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            let answer = Arc::new(Mutex::new(answer));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                AtomicUsize::fetch_add(&opened, 1, Ordering::SeqCst);
                let (heads, answer) = (Arc::clone(&heads), Arc::clone(&answer));
                tokio::spawn(serve(stream, move |head| {
                    let mut heads = heads.lock().unwrap();
                    heads.push(head);
                    answer.lock().unwrap()(heads.len() - 1)
                }));
            }
        });
        Self {
            port,
            requests,
            connections,
            task: task.abort_handle(),
        }
    }

    pub(crate) fn base_url(&self) -> BaseUrl {
        self.url().parse().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request and answers it. Returns `None` if the client disconnects.
async fn serve(mut stream: TcpStream, answer: impl FnOnce(String) -> Answer) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    match answer(String::from_utf8(request).unwrap()) {
        Answer::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
        Answer::ThenSilence(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            // Until the client disconnects.
            stream.read_u8().await.ok()?;
        }
        Answer::ThenReset(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.set_zero_linger().ok()?;
        }
        Answer::Drip(start, rest) => {
            stream.write_all(&start).await.ok()?;
            let mut pace = tokio::time::interval(Duration::from_millis(100));
            for byte in rest {
                pace.tick().await;
                stream.write_u8(byte).await.ok()?;
            }
        }
        Answer::Endless(start, more) => {
            stream.write_all(&start).await.ok()?;
            loop {
                stream.write_all(&more).await.ok()?;
            }
        }
        Answer::Together(crowd, bytes) => {
            crowd.join().await;
            stream.write_all(&bytes).await.ok()?;
        }
    }
    Some(())
}

/// Returns a complete answer with this body.
pub(crate) fn ok(body: &str) -> Answer {
    Answer::Bytes(ok_bytes(body))
}

pub(crate) fn ok_bytes(body: &str) -> Vec<u8> {
    bytes_with_status("200 OK", body)
}

/// Returns a complete answer with this status and body.
pub(crate) fn with_status(status: &str, body: &str) -> Answer {
    Answer::Bytes(bytes_with_status(status, body))
}

fn bytes_with_status(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Returns the head of a chunked answer and these chunks, without the empty chunk that ends it.
pub(crate) fn chunks(chunks: &[&str]) -> Vec<u8> {
    let mut answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for chunk in chunks {
        answer += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
    }
    answer.into_bytes()
}
