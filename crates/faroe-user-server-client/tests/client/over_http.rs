//! A real connection that is lost when the user has been created.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use faroe_core::user_store::{CreateUserOutcome, NewUser, UserStore};
use faroe_testkit::user_store::ReferenceUserStore;
use faroe_user_server::{Protection, UserServer, UserServerOptions};
use faroe_user_server_client::{UserServerClient, http_options};
use http::Request;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::operations::{ADDRESS, hash};

/// Answers one request; the first of all is answered by hanging up.
async fn answer(mut stream: TcpStream, server: UserServer, connections: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    while !request.ends_with(b"}}") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let text = String::from_utf8(request).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let head = Request::post("/").body(()).unwrap().into_parts().0;
    let body = server.answer(&head, body.as_bytes()).await.into_body();
    if connections.fetch_add(1, Ordering::SeqCst) == 0 {
        return;
    }
    let size = body.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_lost_after_the_user_was_created_is_not_seen() {
    let users = Arc::new(ReferenceUserStore::default());
    let server = UserServer::new(
        users.clone(),
        Protection::None,
        UserServerOptions::default(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, server.clone(), Arc::clone(&count)));
        }
    });
    let client = UserServerClient::http(&url, http_options()).unwrap();
    let outcome = client
        .create_user(NewUser::new(ADDRESS, hash()))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        CreateUserOutcome::Created(users.users()[0].clone())
    );
    assert_eq!(users.users().len(), 1);
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}
