//! Accepting connections up to a limit, closing stalled ones, and shutting down gracefully.

mod heads;
mod places;

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::ready, stream::FuturesUnordered};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

pub(crate) use self::places::Places;
use self::{heads::Watched, places::Place};
use crate::{answers::Answers, configuration::Http, hosts::Hosts};

/// The largest request head.
const MAX_HEAD_SIZE: usize = 16 * 1024;

/// The largest buffer of a connection; the largest request body fits.
const MAX_BUFFER_SIZE: usize = 128 * 1024;

/// The pause after the process has failed to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The interval of a timer that is shorter than those of requests.
const QUIET: Duration = Duration::from_millis(500);

/// The limits for reading from a client that is still sending when its connection ends.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_SIZE: u64 = 1024 * 1024;

/// Serves connections until `stop` is ready. Then accepts no more, and waits for requests in flight for at most
/// [`Http::shutdown_timeout`].
///
/// `answers_for` creates the service for a connection from the client's address. If there is no place left, a connection that
/// is idle gives way to a new one; if none is, new connections wait in the operating system's queue.
pub(crate) async fn serve<A: Answers>(
    listener: TcpListener,
    answers_for: impl Fn(SocketAddr) -> A + Send + Sync,
    http: &Http,
    hosts: Arc<Hosts>,
    places: Arc<Places>,
    stop: impl Future<Output = ()> + Send,
) {
    let (stopping, _) = watch::channel(false);
    let connection = Connection {
        protocol: protocol(),
        hosts,
        header_timeout: http.header_timeout,
        keep_alive_timeout: http.keep_alive_timeout,
        write_timeout: http.write_timeout,
    };
    let accept_all = async {
        loop {
            let (stream, peer) = accept(&listener).await;
            let place = places.take().await;
            let (connection, answers) = (connection.clone(), answers_for(peer));
            let stopping = stopping.subscribe();
            tokio::spawn(async move {
                connection.serve(stream, answers, &place, stopping).await;
            });
        }
    };
    tokio::select! {
        () = stop => {}
        () = accept_all => {}
        () = keep_timers_quiet() => {}
    }
    drop(listener);
    tracing::info!("stopping: requests in flight are finished");
    stopping.send_replace(true);
    let finished = timeout(http.shutdown_timeout, places.all_are_free()).await;
    if finished.is_err() {
        tracing::warn!("stopped before all requests were finished");
    }
}

/// Keeps a timer running that ends sooner than those of requests, which take two seconds or more.
///
/// A thread sleeps until the first timer ends, and is woken if another thread starts a timer that ends sooner. Without this
/// timer, nearly every request that waits for a database would do so: with Redis and one request at a time, it saves a `write`,
/// an `epoll_wait` and half a `futex` call of the 10 system calls per request.
async fn keep_timers_quiet() {
    loop {
        sleep(QUIET).await;
    }
}

/// Accepts the next connection. After an error it pauses: if the process has too many open files, retrying immediately would
/// waste processor time.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

fn protocol() -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_SIZE)
        .max_buf_size(MAX_BUFFER_SIZE)
        // Responses are small: copying the body behind the head costs less than a vectored write.
        .writev(false);
    protocol
}

#[derive(Clone)]
struct Connection {
    protocol: http1::Builder,
    hosts: Arc<Hosts>,
    header_timeout: Duration,
    keep_alive_timeout: Duration,
    write_timeout: Duration,
}

/// The reason for which the server closes a connection.
enum End {
    /// The server is stopping.
    Stopping,
    /// A new connection needs the place.
    GivesWay,
    /// The client does not send its next request.
    HeadMissing,
}

impl Connection {
    async fn serve(
        self,
        stream: TcpStream,
        answers: impl Answers,
        place: &Place,
        mut stopping: watch::Receiver<bool>,
    ) {
        let heads = &*place.heads;
        // Otherwise a small response can wait for the client's acknowledgement. Fails if the client has disconnected.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let stream = Box::pin(stream);
        let mut stream = Watched { stream, heads };
        {
            let service = service_fn(|request| {
                let answer = match self.hosts.refusal(&request) {
                    None => answers.answer_whatever_happens(request).left_future(),
                    Some(refusal) => ready(refusal).right_future(),
                };
                heads.answer(answer).map(Ok::<_, Infallible>)
            });
            let mut exchange = pin!(
                self.protocol
                    .serve_connection(TokioIo::new(&mut stream), service)
            );
            let stops = is_stopping(&mut stopping).map(|()| End::Stopping);
            let gives_way = heads.is_asked_to_give_way().map(|()| End::GivesWay);
            let lacks_a_head = heads
                .missing(self.header_timeout, self.keep_alive_timeout)
                .map(|()| End::HeadMissing);
            // These are polled only when they have woken the task, which saves 1 % of the instructions of a request.
            let mut ends: FuturesUnordered<_> = [
                stops.left_future().left_future(),
                gives_way.right_future().left_future(),
                lacks_a_head.right_future(),
            ]
            .into_iter()
            .collect();
            let mut is_ending = false;
            loop {
                // A connection ends with an error if its client resets it, is too slow, or does not send valid HTTP.
                tokio::select! {
                    biased;
                    _ = exchange.as_mut() => break,
                    end = ends.next() => match end {
                        Some(End::Stopping | End::GivesWay) => {
                            is_ending = true;
                            exchange.as_mut().graceful_shutdown();
                        }
                        Some(End::HeadMissing) | None => break,
                    },
                }
            }
            if is_ending {
                return;
            }
        }
        tokio::select! {
            _ = timeout(LINGER_TIME, linger(&mut stream)) => {}
            () = is_stopping(&mut stopping) => {}
        }
    }
}

async fn is_stopping(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// Reads for a while longer. Closing a socket with unread bytes resets the connection, and a client that is still sending might
/// not receive the response that rejects its request.
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let _ = stream.shutdown().await;
    let _ = tokio::io::copy(&mut stream.take(LINGER_SIZE), &mut tokio::io::sink()).await;
}

#[cfg(test)]
mod tests;
