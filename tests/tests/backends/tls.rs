//! Databases that speak TLS: trusted with their certificate, and told nothing without it.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use faroe_testkit::promise;
use faroe_tests::binary::{Binary, Settings};
use rcgen::generate_simple_self_signed;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::{JoinSet, block_in_place},
};

use crate::{
    backend::{Backend, Kind, address, server, with},
    own::{Identity, Own},
};

/// A proxy in front of a server that records the bytes of clients.
struct Recorder {
    port: u16,
    sent: Arc<Mutex<Vec<u8>>>,
    _listening: JoinSet<()>,
}

impl Recorder {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (mut listening, record) = (JoinSet::new(), Arc::clone(&sent));
        listening.spawn(async move {
            let mut relays = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                relays.spawn(relay(client, server, Arc::clone(&record)));
            }
        });
        Self {
            port,
            sent,
            _listening: listening,
        }
    }
}

async fn relay(client: TcpStream, server: TcpStream, sent: Arc<Mutex<Vec<u8>>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(size @ 1..) = from_client.read(&mut bytes).await {
            sent.lock().unwrap().extend_from_slice(&bytes[..size]);
            if to_server.write_all(&bytes[..size]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// Creates a self-signed certificate for this machine.
fn identity() -> Identity {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = generate_simple_self_signed(names).unwrap();
    Identity {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

/// Returns the bytes that the client encrypted, in TLS records from an offset on; all others must be handshake and alerts.
fn encrypted(mut records: &[u8]) -> usize {
    const APPLICATION_DATA: u8 = 23;
    let mut encrypted = 0;
    while let [kind, _, _, high, low, rest @ ..] = records {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        assert!(matches!(kind, 20..=23), "{kind} is no record of TLS");
        if *kind == APPLICATION_DATA {
            encrypted += size;
        }
        records = rest.get(size..).unwrap_or_default();
    }
    encrypted
}

pub(crate) async fn p55_a_database_without_the_right_certificate_is_told_nothing(backend: Backend) {
    /// The length of an encrypted alert: two bytes, its type and its tag. All other data is longer.
    const ALERT: usize = 19;
    let (kind, identity, other) = (backend.kind, identity(), identity());
    let own = block_in_place(|| Own::start(kind, "p55", Some(&identity)));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, identity: &Identity| {
        let path = folder.path().join(name);
        fs::write(&path, &identity.certificate).unwrap();
        path
    };
    let (right, wrong) = (file("right.pem", &identity), file("wrong.pem", &other));
    let place = match kind {
        Kind::Redis => format!("127.0.0.1:{}", own.redis_tls_port()),
        _ => server(&own.url()).to_owned(),
    };
    let settings = |place: &str, credentials: Option<&str>, certificates: &std::path::Path| {
        let url = with(&own.url(), credentials, place);
        let file = certificates.display();
        let url = match kind {
            Kind::Postgres => format!("{url}?sslmode=verify-full&sslrootcert={file}"),
            Kind::Mysql => format!("{url}?ssl-mode=verify_identity&ssl-ca={file}"),
            _ => url.replacen("redis://", "rediss://", 1),
        };
        let mut settings = backend.settings();
        settings.environment = vec![("STORAGE", url), ("USER_STORE", backend.file("users"))];
        settings.certificates = Some(certificates.to_owned());
        settings
    };

    let recorder = Recorder::start(place.clone()).await;
    let through = format!("127.0.0.1:{}", recorder.port);
    let program = Binary::start_with(&settings(&through, None, &right)).await;
    let session = program.sign_up(&address()).await;
    assert_eq!(program.session_state(&session).await, "ok");
    let sent = recorder.sent.lock().unwrap().split_off(0);
    let looks_like_a_statement = |word: &[u8]| {
        sent.windows(word.len())
            .any(|bytes| bytes.eq_ignore_ascii_case(word))
    };
    for word in [b"faroe_storage".as_slice(), b"faroe:storage", b"signup"] {
        assert!(!looks_like_a_statement(word), "what was sent could be read");
    }

    let refused = async |recorder: &Recorder, mut settings: Settings| {
        // A server that does not answer in TLS may be one that is still starting.
        settings
            .environment
            .push(("START_TIMEOUT", "1ns".to_owned()));
        let text = settings.refusal().await;
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("canary"), "{text}");
        let sent = recorder.sent.lock().unwrap().split_off(0);
        let has_canary = sent.windows(6).any(|bytes| bytes == b"canary");
        assert!(!has_canary, "credentials were sent");
        (text, sent)
    };
    let credentials = Some("stranger:canary");
    drop(program);
    let recorder = Recorder::start(place).await;
    let through = format!("127.0.0.1:{}", recorder.port);
    let (text, sent) = refused(&recorder, settings(&through, credentials, &wrong)).await;
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    // The request for TLS names no user.
    let begin = match kind {
        Kind::Postgres => 8,
        Kind::Mysql => 36,
        _ => 0,
    };
    assert!(
        encrypted(&sent[begin..]) <= ALERT,
        "more was sent than an alert"
    );

    // A server without TLS, or an attacker in between who claims so.
    let recorder = Recorder::start(server(&backend.storage()).to_owned()).await;
    let through = format!("127.0.0.1:{}", recorder.port);
    let (_, sent) = refused(&recorder, settings(&through, credentials, &right)).await;
    assert!(
        !sent.windows(8).any(|bytes| bytes == b"stranger"),
        "a user name was sent"
    );

    let name = kind.name();
    promise::report(
        "P55",
        format!(
            "{name}: the right certificate accepted, a wrong one and none refused before a credential"
        ),
    );
}
