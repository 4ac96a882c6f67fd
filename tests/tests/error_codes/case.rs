//! A test of one action, which records the error codes that it has seen.

use std::{collections::BTreeSet, ops::Deref};

use faroe_core::protocol::schema::server_actions;
use faroe_testkit::fault::Fault;
use faroe_tests::{client::Session, server::TestServer};
use serde_json::{Value, json};

/// A server for the test of one action.
pub(crate) struct Case {
    server: TestServer,
    action: &'static str,
    seen: BTreeSet<String>,
}

impl Deref for Case {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.server
    }
}

impl Case {
    pub(crate) async fn new(action: &'static str) -> Self {
        Self {
            server: TestServer::start().await,
            action,
            seen: BTreeSet::new(),
        }
    }

    /// Asserts that every code of the action was seen.
    pub(crate) fn assert_complete(&self) {
        assert!(self.faults.is_done(), "{:?}", self.faults);
        let actions = server_actions();
        let action = actions
            .iter()
            .find(|action| action.name == self.action)
            .unwrap();
        let never_seen: Vec<_> = action
            .error_codes
            .iter()
            .chain(&action.extension_error_codes)
            .filter(|&&code| !self.seen.contains(code))
            .collect();
        assert!(
            never_seen.is_empty(),
            "{} never answered {never_seen:?}",
            self.action
        );
    }

    /// Asserts that the action succeeds.
    pub(crate) async fn accepted(&self, arguments: &Value) -> Value {
        self.values(self.action, arguments.clone()).await
    }

    /// Asserts that the action answers this code.
    pub(crate) async fn refused(&mut self, arguments: &Value, code: &str) {
        let outcome = self.invoke(self.action, arguments.clone()).await;
        assert_eq!(outcome.code(), code, "{} with {arguments}", self.action);
        self.seen.insert(code.to_owned());
    }

    /// Asserts that the action succeeds this number of times.
    pub(crate) async fn accepted_times(&self, arguments: &Value, times: usize) {
        for _ in 0..times {
            self.accepted(arguments).await;
        }
    }

    /// Asserts that the action answers this code this number of times.
    pub(crate) async fn refused_times(&mut self, arguments: &Value, code: &str, times: usize) {
        for _ in 0..times {
            self.refused(arguments, code).await;
        }
    }

    /// Asserts that the action answers `internal_error` when this call fails, `internal_conflict` when it reports a conflict, and
    /// succeeds when it is retried after that.
    pub(crate) async fn recovers_from_faults_of(
        &mut self,
        call: &'static str,
        arguments: &Value,
    ) -> Value {
        self.faults.at_next(call, Fault::FailBeforeActing);
        self.fails(arguments).await;
        self.faults.at_next(call, Fault::Conflict);
        self.refused(arguments, "internal_conflict").await;
        assert!(self.faults.is_done(), "{:?}", self.faults);
        self.accepted(arguments).await
    }

    /// Asserts that the action answers `internal_error`, and that the fault is logged once, with the ID in the answer.
    pub(crate) async fn fails(&mut self, arguments: &Value) {
        let logged_before = self.errors.errors().len();
        let outcome = self.invoke(self.action, arguments.clone()).await;
        assert_eq!(
            outcome.code(),
            "internal_error",
            "{} with {arguments}",
            self.action
        );
        self.seen.insert("internal_error".to_owned());
        let logged = &self.errors.errors()[logged_before..];
        let [error] = logged else {
            panic!("one line is logged, not {logged:?}")
        };
        assert_eq!((error.action, error.failed), (self.action, true));
        assert_eq!(
            error.action_invocation_id.as_str(),
            outcome.action_invocation_id
        );
    }

    /// Asserts that the action answers this code for every token that is similar to `token`, or valid but of another kind.
    pub(crate) async fn refuses_other_tokens(
        &mut self,
        arguments: &Value,
        name: &str,
        of_another_kind: &str,
        code: &str,
    ) {
        let mut arguments = arguments.clone();
        let token = arguments[name].as_str().unwrap().to_owned();
        for wrong in wrong_tokens(&token, of_another_kind) {
            arguments[name] = wrong.into();
            self.refused(&arguments, code).await;
        }
    }

    /// Asserts the order of the first three checks of an action that takes a session and a flow token: session, flow token,
    /// and whether they belong together. With `arguments` alone the action would answer another code, or none.
    pub(crate) async fn checks_session_and_flow(
        &mut self,
        arguments: &Value,
        email_address: &str,
        name: &str,
        code: &str,
    ) {
        let token = arguments[name].as_str().unwrap().to_owned();
        let session = arguments["session_token"].as_str().unwrap().to_owned();
        let with_tokens = |session: &str, flow: &str| {
            let mut arguments = arguments.clone();
            arguments["session_token"] = session.into();
            arguments[name] = flow.into();
            arguments
        };
        self.refuses_other_tokens(
            &with_tokens(&session, ""),
            "session_token",
            &token,
            "invalid_session_token",
        )
        .await;
        self.refuses_other_tokens(arguments, "session_token", &token, "invalid_session_token")
            .await;
        self.refuses_other_tokens(arguments, name, &session, code)
            .await;
        let same_user = self
            .sign_in(email_address, faroe_tests::client::PASSWORD)
            .await;
        let other_user = self.sign_up("stranger@example.com").await;
        for other in [same_user, other_user] {
            self.refused(&with_tokens(&other.token, &token), "session_mismatch")
                .await;
            self.refused(&with_tokens(&other.token, ""), code).await;
        }
    }

    /// Asserts that no record of this kind is in the storage.
    pub(crate) fn assert_nothing_stored(&self, kind: &str) {
        let keys: Vec<_> = self.storage.entries().into_keys().collect();
        assert!(
            !keys.iter().any(|key| key.starts_with(&format!("{kind}."))),
            "{keys:?}"
        );
    }
}

/// Returns invalid tokens that are similar to a valid one.
fn wrong_tokens(token: &str, of_another_kind: &str) -> Vec<String> {
    let (id, secret) = token.split_once('.').unwrap();
    let (other_id, other_secret) = of_another_kind.split_once('.').unwrap();
    let nobody = "abcdefghijkmnpqrstuvwxyz";
    vec![
        String::new(),
        ".".to_owned(),
        id.to_owned(),
        token[..48].to_owned(),
        format!("{token}a"),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}."),
        format!("{id}..{secret}"),
        format!("{id}.{}", secret.to_uppercase()),
        format!("{id}.{nobody}"),
        format!("{nobody}.{secret}"),
        format!("{secret}.{id}"),
        format!("{id}.{other_secret}"),
        format!("{other_id}.{secret}"),
        of_another_kind.to_owned(),
        "é".repeat(1000),
    ]
}

/// Returns the arguments of an action that takes a session and a flow token.
pub(crate) fn with_session(session: &Session, name: &str, token: &str) -> Value {
    let mut arguments = json!({ "session_token": session.token });
    arguments[name] = token.into();
    arguments
}

/// Returns the arguments with one more.
pub(crate) fn and(mut arguments: Value, name: &str, value: &str) -> Value {
    arguments[name] = value.into();
    arguments
}
