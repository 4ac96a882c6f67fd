//! Lost requests and answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use faroe_core::{
    client::{ActionInvocationEndpointClient, SendError},
    error::AdapterError,
    password::PasswordHash,
    user_store::{
        CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome, User,
        UserStore,
    },
};
use faroe_testkit::user_store::ReferenceUserStore;
use faroe_user_server::{Protection, UserServer, UserServerOptions};
use faroe_user_server_client::UserServerClient;
use http::Request;

use crate::operations::{ADDRESS, hash};

/// The fate of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// It never arrives, and the client does not know.
    RequestLost,
    /// It has its effect, but its answer is lost.
    AnswerLost,
    /// It has its effect, and the answer is garbage.
    AnswerGarbled,
    /// It has its effect, and the answer says that something failed.
    AnswerFailed,
    /// There is no connection.
    NotSent,
}

impl Fate {
    const ALL: [Self; 6] = [
        Self::Answered,
        Self::RequestLost,
        Self::AnswerLost,
        Self::AnswerGarbled,
        Self::AnswerFailed,
        Self::NotSent,
    ];

    fn has_effect(self) -> bool {
        !matches!(self, Self::RequestLost | Self::NotSent)
    }

    fn is_unclear(self) -> bool {
        !matches!(self, Self::Answered | Self::NotSent)
    }
}

/// A real user server at the end of a line that loses things as it is told. After that it loses nothing.
#[derive(Debug)]
pub(crate) struct Line {
    server: UserServer,
    fates: Mutex<VecDeque<Fate>>,
}

impl Line {
    pub(crate) fn new(server: UserServer, fates: impl IntoIterator<Item = Fate>) -> Self {
        let fates = Mutex::new(fates.into_iter().collect());
        Self { server, fates }
    }
}

#[async_trait]
impl ActionInvocationEndpointClient for Line {
    async fn send(&self, body: String) -> Result<Vec<u8>, SendError> {
        let fate = self.fates.lock().unwrap().pop_front();
        let fate = fate.unwrap_or(Fate::Answered);
        let lost = || AdapterError::message("hear anything");
        let answer = if fate.has_effect() {
            let head = Request::post("/").body(()).unwrap().into_parts().0;
            self.server.answer(&head, body.as_bytes()).await.into_body()
        } else {
            String::new()
        };
        match fate {
            Fate::Answered => Ok(answer.into_bytes()),
            Fate::RequestLost | Fate::AnswerLost => Err(SendError::NoAnswer(lost())),
            Fate::AnswerGarbled => Ok(answer.into_bytes()[1..].to_vec()),
            Fate::AnswerFailed => Ok(
                br#"{"ok":false,"action_invocation_id":"x","error_code":"internal_error"}"#
                    .to_vec(),
            ),
            Fate::NotSent => Err(SendError::NotInvoked(lost())),
        }
    }
}

fn line(fates: impl IntoIterator<Item = Fate>) -> (Arc<ReferenceUserStore>, UserServerClient) {
    let users = Arc::new(ReferenceUserStore::default());
    let server = UserServer::new(
        users.clone(),
        Protection::None,
        UserServerOptions::default(),
    );
    let line = Line::new(server, fates);
    (users, UserServerClient::new(Arc::new(line)))
}

fn other_hash() -> PasswordHash {
    PasswordHash {
        salt: b"another".to_vec().into(),
        ..hash()
    }
}

async fn created(users: &dyn UserStore, hash: &PasswordHash) -> User {
    match users
        .create_user(NewUser::new(ADDRESS, hash.clone()))
        .await
        .unwrap()
    {
        CreateUserOutcome::Created(user) => user,
        other => panic!("nobody has this address: {other:?}"),
    }
}

/// Every fate of three requests in a row.
fn fates_of_three() -> impl Iterator<Item = [Fate; 3]> {
    Fate::ALL.into_iter().flat_map(|one| {
        Fate::ALL
            .into_iter()
            .flat_map(move |two| Fate::ALL.into_iter().map(move |three| [one, two, three]))
    })
}

#[tokio::test]
async fn a_sign_up_whose_answer_is_lost_has_its_user_and_no_second_one() {
    for fates in fates_of_three() {
        let (users, client) = line(fates);
        let outcome = client.create_user(NewUser::new(ADDRESS, hash())).await;
        let all = users.users();
        assert!(all.len() <= 1, "{fates:?}");
        match outcome {
            Ok(CreateUserOutcome::Created(user)) => assert_eq!([user][..], all[..], "{fates:?}"),
            Ok(other) => panic!("{fates:?}: {other:?}, but it is ours"),
            Err(error) => assert!(!error.is_conflict(), "{fates:?}"),
        }
    }
}

#[tokio::test]
async fn one_lost_answer_of_a_write_is_not_seen() {
    for fate in Fate::ALL.into_iter().filter(|fate| fate.is_unclear()) {
        let (users, client) = line([fate]);
        let user = created(&client, &hash()).await;
        assert_eq!(users.users(), [user], "{fate:?}");

        let (users, client) = line([Fate::Answered, fate]);
        let user = created(&client, &hash()).await;
        let address = "b@example.com";
        let update =
            client.update_user_email_address(&user.id, address, user.email_address_counter);
        let outcome = update.await.unwrap();
        assert_eq!(outcome, UpdateUserEmailAddressOutcome::Updated, "{fate:?}");
        let user = users.get_user(&user.id).await.unwrap().unwrap();
        assert_eq!(
            (
                user.email_address.as_str(),
                user.email_address_counter.get()
            ),
            (address, 1)
        );

        let (users, client) = line([Fate::Answered, fate]);
        let user = created(&client, &hash()).await;
        let (hash, counter) = (other_hash(), user.password_hash_counter);
        let update = client.update_user_password_hash(&user.id, &hash, counter);
        assert_eq!(
            update.await.unwrap(),
            UpdateUserOutcome::Updated,
            "{fate:?}"
        );
        let user = users.get_user(&user.id).await.unwrap().unwrap();
        assert_eq!(
            (user.password_salt, user.password_hash_counter.get()),
            (hash.salt, 1)
        );
    }
}

#[tokio::test]
async fn a_lost_answer_never_claims_another_callers_user() {
    for fates in fates_of_three() {
        let (users, client) = line(fates);
        let other = created(&*users, &other_hash()).await;
        match client.create_user(NewUser::new(ADDRESS, hash())).await {
            Ok(CreateUserOutcome::EmailAddressAlreadyUsed) | Err(_) => {}
            Ok(other) => panic!("{fates:?}: {other:?}"),
        }
        assert_eq!(users.users(), [other], "{fates:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_never_claims_another_callers_change() {
    for fates in fates_of_three() {
        let (users, client) = line(fates);
        let user = created(&*users, &hash()).await;
        users.change_user(&user.id, |user| {
            user.password_hash_counter = user.password_hash_counter.next().unwrap();
            user.email_address_counter = user.email_address_counter.next().unwrap();
            user.password_salt = b"theirs".to_vec().into();
            user.email_address = "theirs@example.com".into();
        });
        let before = users.users();
        let (hash_2, counter) = (other_hash(), user.password_hash_counter);
        let update = client.update_user_password_hash(&user.id, &hash_2, counter);
        assert_ne!(
            update.await.ok(),
            Some(UpdateUserOutcome::Updated),
            "{fates:?}"
        );
        let (users_2, client) = line(fates);
        let user = created(&*users_2, &hash()).await;
        users_2.change_user(&user.id, |user| {
            user.email_address_counter = user.email_address_counter.next().unwrap();
        });
        let counter = user.email_address_counter;
        let update = client.update_user_email_address(&user.id, "b@example.com", counter);
        let updated = Some(UpdateUserEmailAddressOutcome::Updated);
        assert_ne!(update.await.ok(), updated, "{fates:?}");
        assert_eq!(users.users(), before);
    }
}

#[tokio::test]
async fn what_can_not_be_told_from_anothers_change_is_an_error_and_asked_for_once() {
    for fate in Fate::ALL.into_iter().filter(|fate| fate.is_unclear()) {
        let (users, client) = line([fate, fate]);
        let user = created(&*users, &hash()).await;
        users.take_calls();
        let increment = client.increment_user_sessions_counter(&user.id, user.sessions_counter);
        assert!(increment.await.is_err(), "{fate:?}");
        assert!(client.delete_user(&user.id).await.is_err(), "{fate:?}");
        assert!(users.take_calls().len() <= 2, "{fate:?}");
    }
}
