use std::time::Duration;

use faroe_testkit::fault::Fault;
use faroe_tests::client::{PASSWORD, Session};
use serde_json::{Value, json};

use crate::case::{Case, and};

const USER: &str = "ada@example.com";
const INVALID: &str = "invalid_signup_token";

fn address(email_address: &str) -> Value {
    json!({ "email_address": email_address })
}

fn of(token: &str) -> Value {
    json!({ "signup_token": token })
}

async fn session(case: &Case) -> Session {
    case.sign_up("session@example.com").await
}

async fn refuses_other_tokens(case: &mut Case, arguments: &Value) {
    let session = session(case).await;
    case.refuses_other_tokens(arguments, "signup_token", &session.token, INVALID)
        .await;
}

pub(crate) async fn create_signup(case: &mut Case) {
    case.accepted_times(&address(USER), 4).await;
    case.sign_up(USER).await;
    case.accepted_times(&address("Exhausted@example.com"), 5)
        .await;
    case.refuses_email_addresses.set(true);
    for invalid in [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example..com",
        "ada@example.com ",
        "ädä@example.com",
    ] {
        case.refused(&address(invalid), "invalid_email_address")
            .await;
    }
    case.refused(
        &address(&format!("{}@example.com", "a".repeat(89))),
        "invalid_email_address",
    )
    .await;
    case.refused(&address(USER), "email_address_already_used")
        .await;
    case.refused(
        &address("exhausted@example.com"),
        "email_address_not_allowed",
    )
    .await;
    case.refuses_email_addresses.set(false);
    case.refused(&address("exhausted@example.com"), "rate_limited")
        .await;

    case.storage.clear();
    case.mailbox.set_failing(true);
    case.fails(&address("grace@example.com")).await;
    case.assert_nothing_stored("signup");
    case.mailbox.set_failing(false);
    case.recovers_from_faults_of("MainStorage::set", &address("grace@example.com"))
        .await;
}

pub(crate) async fn get_signup(case: &mut Case) {
    let signup = of(&case.start_signup(USER).await);
    refuses_other_tokens(case, &signup).await;
    case.recovers_from_faults_of("MainStorage::get", &signup)
        .await;
    case.values("delete_signup", signup.clone()).await;
    case.refused(&signup, INVALID).await;
}

pub(crate) async fn delete_signup(case: &mut Case) {
    let signup = of(&case.start_signup(USER).await);
    refuses_other_tokens(case, &signup).await;
    case.recovers_from_faults_of("MainStorage::delete", &signup)
        .await;
    case.refused(&signup, INVALID).await;
}

pub(crate) async fn send_signup_email_address_verification_code(case: &mut Case) {
    let verify = "verify_signup_email_address_verification_code";
    let signup = of(&case.start_signup(USER).await);
    refuses_other_tokens(case, &signup).await;
    case.recovers_from_faults_of("RateLimitStorage::update", &signup)
        .await;
    case.accepted_times(&signup, 3).await;
    case.refused(&signup, "rate_limited").await;

    let right = and(
        signup.clone(),
        "email_address_verification_code",
        &case.inbox.last_code(USER).await,
    );
    case.values(verify, right).await;
    case.refused(&signup, "email_address_already_verified")
        .await;

    // A signup without attempts left spends no email.
    let locked = of(&case.start_signup("locked@example.com").await);
    for _ in 0..5 {
        let wrong = and(locked.clone(), "email_address_verification_code", "");
        case.refusal(verify, wrong).await;
    }
    case.refused_times(&locked, "rate_limited", 5).await;
    assert_eq!(case.mailbox.messages_to("locked@example.com").len(), 1);
    let other = of(&case.start_signup("locked@example.com").await);
    case.accepted_times(&other, 3).await;

    case.mailbox.set_failing(true);
    let unreachable = of(&case.refused_by_mailbox("unreachable@example.com").await);
    case.fails(&unreachable).await;
}

pub(crate) async fn verify_signup_email_address_verification_code(case: &mut Case) {
    let signup = of(&case.start_signup(USER).await);
    let code = case.inbox.last_code(USER).await;
    let enter = |code: &str| and(signup.clone(), "email_address_verification_code", code);
    refuses_other_tokens(case, &enter(&code)).await;
    for wrong in [
        "",
        &code[1..],
        &format!("{code} "),
        &format!("{code}{code}"),
        "IIIIIIII",
    ] {
        case.refused(&enter(wrong), "incorrect_email_address_verification_code")
            .await;
    }
    case.refused(&enter(&code), "rate_limited").await;
    case.clock.advance(Duration::from_secs(60));
    case.accepted(&enter(&code)).await;
    // No attempt is left, and the code is wrong.
    case.refused(&enter(""), "email_address_already_verified")
        .await;

    let other = of(&case.start_signup(USER).await);
    let foreign = and(other.clone(), "email_address_verification_code", &code);
    case.refused(&foreign, "incorrect_email_address_verification_code")
        .await;
    let right = and(
        other,
        "email_address_verification_code",
        &case.inbox.last_code(USER).await,
    );
    case.recovers_from_faults_of("MainStorage::update", &right)
        .await;
}

pub(crate) async fn set_signup_password(case: &mut Case) {
    let set = |token: &str, password: &str| and(of(token), "password", password);
    let unverified = case.start_signup(USER).await;
    case.refuses_passwords.set(true);
    case.refused(&set(&unverified, "short"), "email_address_not_verified")
        .await;
    let signup = case.verified_signup(USER).await;
    for wrong in [
        String::new(),
        "a".repeat(9),
        "ä".repeat(9),
        "a".repeat(101),
        "🦀".repeat(101),
    ] {
        case.refused(&set(&signup, &wrong), "invalid_password_length")
            .await;
    }
    let evaluations = case.hasher.evaluations();
    case.refused(&set(&signup, PASSWORD), "weak_password").await;
    case.refuses_passwords.set(false);
    refuses_other_tokens(case, &set(&signup, "short")).await;
    let others = case.hasher.evaluations();
    assert_eq!(
        others,
        evaluations + 1,
        "only the sign-up of someone else has hashed"
    );
    case.recovers_from_faults_of("MainStorage::update", &set(&signup, PASSWORD))
        .await;
    case.refuses_passwords.set(true);
    case.refused(&set(&signup, "short"), "password_already_set")
        .await;
}

pub(crate) async fn complete_signup(case: &mut Case) {
    case.refuses_email_addresses.set(false);
    let unverified = of(&case.start_signup(USER).await);
    case.refused(&unverified, "email_address_not_verified")
        .await;
    let without_password = of(&case.verified_signup(USER).await);
    case.refused(&without_password, "password_not_set").await;

    let (first, second) = (
        of(&case.ready_signup(USER).await),
        of(&case.ready_signup(USER).await),
    );
    refuses_other_tokens(case, &first).await;
    let mut with_fields = first.clone();
    with_fields["user_fields"] = json!({ "is_admin": true });
    case.refuses_email_addresses.set(true);
    case.refused(&with_fields, "invalid_user_fields").await;
    case.refuses_email_addresses.set(false);
    case.recovers_from_faults_of("UserStore::create_user", &first)
        .await;
    case.refused(&first, INVALID).await;
    // The address is taken now.
    case.refused(&second, INVALID).await;
    case.refused_for_good(&second).await;

    let refused = of(&case.ready_signup("refused@example.com").await);
    case.refuses_email_addresses.set(true);
    case.refused(&refused, INVALID).await;
    case.refuses_email_addresses.set(false);
    case.refused_for_good(&refused).await;

    let sessionless = of(&case.ready_signup("sessionless@example.com").await);
    case.faults
        .at_next("MainStorage::set", Fault::FailBeforeActing);
    case.refused(&sessionless, "session_not_created").await;
    let error = case.errors.errors().pop().unwrap();
    assert_eq!((error.action, error.failed), ("complete_signup", false));
    case.sign_in("sessionless@example.com", PASSWORD).await;
    case.refused(&sessionless, INVALID).await;
}

impl Case {
    /// Creates a signup whose further emails are not delivered.
    async fn refused_by_mailbox(&self, email_address: &str) -> String {
        self.mailbox.set_failing(false);
        let token = self.start_signup(email_address).await;
        self.mailbox.set_failing(true);
        token
    }

    /// Asserts that the signup is deleted.
    async fn refused_for_good(&self, signup: &Value) {
        assert_eq!(self.refusal("get_signup", signup.clone()).await, INVALID);
    }
}
