//! P72: user servers that ignore or change the letter case of addresses.

use std::sync::Arc;

use faroe_core::{
    error::ErrorChain,
    user_store::{CreateUserOutcome, EmailAddressCase, NewUser, UserStore},
};
use faroe_testkit::{conformance, promise, user_store::ReferenceUserStore};
use faroe_user_server::{Protection, UserServer, UserServerOptions};
use faroe_user_server_client::UserServerClient;

use crate::{
    lost_answers::{Fate, Line},
    operations::{ADDRESS, hash},
};

const OTHER_CASE: &str = "Ada@Example.com";

fn client(users: ReferenceUserStore, fates: impl IntoIterator<Item = Fate>) -> UserServerClient {
    let mut options = UserServerOptions::default();
    options.email_address_case = EmailAddressCase::Ignore;
    let server = UserServer::new(Arc::new(users), Protection::None, options);
    UserServerClient::new(Arc::new(Line::new(server, fates)))
}

#[tokio::test]
async fn p72_an_answer_in_another_letter_case_is_accepted_only_if_it_is_ignored() {
    let exact = client(ReferenceUserStore::ignoring_email_address_case(), []);
    let ignoring = exact
        .clone()
        .with_email_address_case(EmailAddressCase::Ignore);
    let created = exact.create_user(NewUser::new(ADDRESS, hash())).await;
    let CreateUserOutcome::Created(user) = created.unwrap() else {
        panic!("nobody has the address");
    };
    let error = exact
        .get_user_by_email_address(OTHER_CASE)
        .await
        .unwrap_err();
    let error = ErrorChain(&error).to_string();
    assert!(error.contains("letter case"), "{error}");
    assert!(error.contains("email_address_case"), "{error}");
    assert!(!error.contains("xample"), "{error}");
    let found = ignoring.get_user_by_email_address(OTHER_CASE).await;
    assert_eq!(found.unwrap(), Some(user));
    promise::report(
        "P72",
        "answers in another letter case, refused and accepted",
    );
}

#[tokio::test]
async fn p72_a_user_server_that_lower_cases_addresses_creates_users() {
    for fate in [Fate::Answered, Fate::AnswerLost] {
        let users =
            ReferenceUserStore::with_trigger(|user| user.email_address.make_ascii_lowercase());
        let client = client(users, [fate]);
        let created = client.create_user(NewUser::new(OTHER_CASE, hash())).await;
        match created.unwrap() {
            CreateUserOutcome::Created(user) => assert_eq!(user.email_address, ADDRESS),
            other => panic!("{fate:?}: {other:?}"),
        }
    }
}

#[test]
fn the_suite_that_ignores_letter_case_holds_over_the_wire() {
    let suite = conformance::user_store_ignoring_case("wire", async || {
        client(ReferenceUserStore::ignoring_email_address_case(), [])
            .with_email_address_case(EmailAddressCase::Ignore)
    });
    for case in suite.case_names() {
        assert_eq!(suite.fault_found_by(case), None, "{case}");
    }
}
