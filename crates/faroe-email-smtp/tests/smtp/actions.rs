//! P41, end to end: actions while the mail server misbehaves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use faroe_core::{
    InvocationErrorKind, Server as AuthServer, ServerOptions, ServerParts, Storages, Timeouts,
    UserPasswordHashAlgorithms,
    email::EmailSender,
    protocol::{
        session::GetSession,
        signin::{CompleteSignin, CreateSignin, VerifySigninUserPassword},
        signup::{
            CompleteSignup, CreateSignup, SetSignupPassword,
            VerifySignupEmailAddressVerificationCode,
        },
        user_password_reset::CreateUserPasswordReset,
    },
};
use faroe_email_queue::{EmailQueue, EmailQueueOptions};
use faroe_email_smtp::SmtpOptions;
use faroe_testkit::{
    hasher::CountingHasher, log::ErrorLog, mailbox::Mailbox, storage::ReferenceStorage,
    user_store::ReferenceUserStore,
};

use crate::{
    impatient,
    misbehaviour::{misbehaving, with_each},
    options, sender,
    server::{Behaviour, Misbehaviour, Server, Stage},
};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "seven wet umbrellas";

/// The state that several auth servers share.
struct World {
    storage: Arc<ReferenceStorage>,
    users: Arc<ReferenceUserStore>,
    log: Arc<ErrorLog>,
}

impl World {
    fn new() -> Self {
        Self {
            storage: Arc::new(ReferenceStorage::keeping_expired()),
            users: Arc::default(),
            log: Arc::default(),
        }
    }

    fn auth_server(&self, email_sender: Arc<dyn EmailSender>) -> AuthServer {
        let parts = ServerParts::new(
            Storages::single(Arc::clone(&self.storage)),
            Arc::clone(&self.users) as _,
            UserPasswordHashAlgorithms::new(Arc::new(CountingHasher::new("first"))),
            Arc::new(CountingHasher::new("temporary")),
            email_sender,
        );
        let mut options = ServerOptions::default();
        options.error_logger = Arc::clone(&self.log) as _;
        options.rate_limits.verify_user_password.capacity = 1000;
        AuthServer::new(parts, options).unwrap()
    }

    /// Signs the user up with a working mail server.
    async fn sign_up(&self) {
        let mailbox = Arc::new(Mailbox::default());
        let server = self.auth_server(mailbox.clone());
        let email_address = EMAIL.to_owned();
        let signup = server.invoke(CreateSignup { email_address }).await.unwrap();
        let signup_token = || signup.signup_token.clone();
        let verify = VerifySignupEmailAddressVerificationCode {
            signup_token: signup_token(),
            email_address_verification_code: mailbox.last_code(EMAIL).unwrap(),
        };
        server.invoke(verify).await.unwrap();
        let set = SetSignupPassword {
            signup_token: signup_token(),
            password: PASSWORD.into(),
        };
        server.invoke(set).await.unwrap();
        let complete = CompleteSignup::new(signup_token());
        server.invoke(complete).await.unwrap();
    }

    fn records(&self, kind: &str) -> usize {
        let prefix = format!("main.{kind}.");
        let entries = self.storage.entries();
        entries
            .keys()
            .filter(|key| key.starts_with(&prefix))
            .count()
    }
}

fn queued(sender: impl EmailSender) -> Arc<EmailQueue> {
    Arc::new(EmailQueue::new(
        Arc::new(sender),
        EmailQueueOptions::default(),
    ))
}

/// Signs in and uses the session.
async fn sign_in(server: &AuthServer) {
    let user_email_address = EMAIL.to_owned();
    let signin = server
        .invoke(CreateSignin { user_email_address })
        .await
        .unwrap();
    let signin_token = signin.signin_token;
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password: PASSWORD.into(),
    };
    server.invoke(verify).await.unwrap();
    let complete = server
        .invoke(CompleteSignin { signin_token })
        .await
        .unwrap();
    let session_token = complete.session_token;
    server.invoke(GetSession { session_token }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p41_a_code_that_cannot_be_sent_leaves_no_record() {
    let count = with_each(async |stage, misbehaviour| {
        let cell = format!("{misbehaviour:?} at {stage:?}");
        let world = World::new();
        world.sign_up().await;
        let (_server, options) = misbehaving(stage, misbehaviour).await;
        let server = world.auth_server(queued(impatient(options)));
        let start = Instant::now();
        let email_address = "new@example.com".to_owned();
        let signup = server.invoke(CreateSignup { email_address });
        let user_email_address = EMAIL.to_owned();
        let reset = server.invoke(CreateUserPasswordReset { user_email_address });
        let (signup, reset) = tokio::join!(signup, reset);
        assert_eq!(
            signup.unwrap_err().kind,
            InvocationErrorKind::InternalError,
            "{cell}"
        );
        assert_eq!(
            reset.unwrap_err().kind,
            InvocationErrorKind::InternalError,
            "{cell}"
        );
        assert!(start.elapsed() < Duration::from_secs(10), "{cell}");
        let left = (
            world.records("signup"),
            world.records("user_password_reset"),
        );
        assert_eq!(left, (0, 0), "{cell}");
        assert_eq!(world.log.errors().len(), 2, "{cell}: each is logged once");
    })
    .await;
    faroe_testkit::promise::report(
        "P41",
        format!("{} failed emails left no signup and no reset", 2 * count),
    );
}

#[tokio::test]
async fn a_code_that_is_sent_leaves_a_record() {
    let world = World::new();
    let mail = Server::start(Behaviour::default()).await;
    let server = world.auth_server(queued(sender(options(&mail))));
    let email_address = EMAIL.to_owned();
    server.invoke(CreateSignup { email_address }).await.unwrap();
    assert_eq!((world.records("signup"), mail.messages().len()), (1, 1));
}

#[tokio::test]
async fn p41_a_silent_mail_server_only_delays_actions_that_send_a_code() {
    let world = World::new();
    world.sign_up().await;
    let mail = Server::start(Behaviour {
        misbehaves: Some((Stage::Banner, Misbehaviour::Silent)),
        ..Behaviour::default()
    })
    .await;
    // The sender's timeout is an hour; the core has its own.
    let sender = sender(SmtpOptions {
        timeout: Duration::from_secs(3600),
        ..options(&mail)
    });
    let server = world.auth_server(queued(sender));
    let mut waiting = tokio::task::JoinSet::new();
    let start = Instant::now();
    for number in 0..20 {
        let server = server.clone();
        waiting.spawn(async move {
            let email_address = format!("new{number}@example.com");
            server
                .invoke(CreateSignup { email_address })
                .await
                .unwrap_err()
                .kind
        });
    }
    for _ in 0..20 {
        sign_in(&server).await;
    }
    assert!(
        waiting.try_join_next().is_none(),
        "all sign-ups are still waiting after 20 sign-ins"
    );
    assert!(start.elapsed() < Timeouts::default().email);
    let answers = waiting.join_all().await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == InvocationErrorKind::InternalError)
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(world.records("signup"), 0);
}

#[tokio::test]
async fn p41_a_dead_mail_server_does_not_slow_down_sign_ins() {
    let world = World::new();
    world.sign_up().await;
    let mail = Server::start(Behaviour {
        misbehaves: Some((Stage::Message, Misbehaviour::Silent)),
        ..Behaviour::default()
    })
    .await;
    let dead = world.auth_server(queued(sender(options(&mail))));
    let without = world.auth_server(Arc::new(Mailbox::default()));
    let time = async |server| {
        let start = Instant::now();
        for _ in 0..50 {
            sign_in(server).await;
        }
        start.elapsed()
    };
    let (dead, without) = (time(&dead).await, time(&without).await);
    // Waiting for a single notification would take two seconds.
    assert!(
        dead < without + Duration::from_secs(1),
        "{dead:?} and {without:?}"
    );
    assert!(world.log.errors().is_empty(), "no notification is rejected");
}

#[tokio::test]
async fn a_notification_is_delivered_when_the_queue_is_flushed() {
    let world = World::new();
    world.sign_up().await;
    let mail = Server::start(Behaviour::default()).await;
    let queue = queued(sender(options(&mail)));
    sign_in(&world.auth_server(queue.clone())).await;
    assert_eq!(queue.flush(Duration::from_secs(10)).await, 0);
    let data = String::from_utf8(mail.messages().remove(0).data).unwrap();
    assert!(
        data.contains("Subject: New sign-in to your Example account"),
        "{data}"
    );
}
