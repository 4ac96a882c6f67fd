//! P81: fields of new users, over the wire.

use std::sync::Arc;

use faroe_core::user_store::{CreateUserOutcome, NewUser, UserFields, UserStore};
use faroe_testkit::{conformance, promise, user_store::ReferenceUserStore};
use faroe_user_server::{Protection, UserServer, UserServerOptions};
use faroe_user_server_client::UserServerClient;

use crate::{
    lost_answers::{Fate, Line},
    operations::{ADDRESS, hash},
};

fn client(
    users: &Arc<ReferenceUserStore>,
    fates: impl IntoIterator<Item = Fate>,
) -> UserServerClient {
    let options = UserServerOptions::default();
    let server = UserServer::new(Arc::clone(users) as _, Protection::None, options);
    UserServerClient::new(Arc::new(Line::new(server, fates)))
}

#[tokio::test]
async fn p81_fields_are_stored_once_although_the_answer_is_lost() {
    for fate in [Fate::Answered, Fate::AnswerLost] {
        let users = Arc::new(ReferenceUserStore::with_fields());
        let client = client(&users, [fate]);
        let mut new_user = NewUser::new(ADDRESS, hash());
        let fields = [("full_name", "Ada Lovelace"), ("username", "ada")];
        new_user.user_fields = UserFields::from_iter(fields);
        let created = client.create_user(new_user.clone()).await.unwrap();
        let CreateUserOutcome::Created(user) = created else {
            panic!("{fate:?}: {created:?}");
        };
        assert_eq!(users.user_fields(&user.id), new_user.user_fields);
    }
    promise::report(
        "P81",
        "fields over the wire, with an answer and with a lost one",
    );
}

#[test]
fn p81_the_suite_of_fields_holds_over_the_wire() {
    let suite = conformance::user_store_with_fields("wire", async || {
        client(&Arc::new(ReferenceUserStore::with_fields()), [])
    });
    for case in suite.case_names() {
        assert_eq!(suite.fault_found_by(case), None, "{case}");
    }
}
