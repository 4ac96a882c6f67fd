//! Observations of a user, the application and an operator after some actions, and the invariants that must hold for them.

use std::collections::BTreeSet;

use serde_json::json;

use crate::scene::{Answer, Circumstances, Kind, Scene, Step, answer};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The outcome of each action, `ok` or an error code, with the values of those that only read.
    pub(crate) outcomes: Vec<String>,
    /// For each of the two prepared sessions, true if it can still change something.
    pub(crate) sessions: [bool; 2],
    /// For each of them, true if `get_session`, which alone can use a cache, still returns it.
    pub(crate) shown_sessions: [bool; 2],
    /// The state of each action's flow, or the error code of reading it.
    pub(crate) flows: Vec<Option<String>>,
    /// For each action, true if the session that it returned is valid.
    pub(crate) new_sessions: Vec<Option<bool>>,
    /// The number of created sessions in the storage, valid or not.
    pub(crate) sessions_made: usize,
    /// Each user: address, counters, and true if the password hash is the first one.
    pub(crate) users: Vec<(String, [i32; 4], bool)>,
    /// The emails: type and recipient.
    pub(crate) emails: Vec<String>,
}

impl Scene {
    /// Observes everything that these actions, with these answers, can have changed.
    pub(crate) async fn observe(&self, steps: &[Step], answers: &[Answer]) -> Observed {
        let users = self.users.users().into_iter().map(|user| {
            let counters = [
                user.email_address_counter,
                user.password_hash_counter,
                user.disabled_counter,
                user.sessions_counter,
            ];
            let is_first = user.password_hash == *self.first_password_hash();
            (user.email_address, counters.map(|it| it.get()), is_first)
        });
        let mut emails: Vec<_> = self.mailbox.messages();
        emails.sort_by_key(|email| email.content.type_name());
        let emails = emails.into_iter();
        let mut observed = Observed {
            outcomes: answers.iter().zip(steps).map(outcome).collect(),
            sessions: [false; 2],
            shown_sessions: [false; 2],
            flows: vec![],
            new_sessions: vec![],
            sessions_made: self.sessions_made(),
            users: users.collect(),
            emails: emails
                .map(|email| format!("{} to {}", email.content.type_name(), email.to))
                .collect(),
        };
        for instance in 0..2 {
            let get = Step::new(Kind::named("get_session"), instance);
            let shown = self.invoke(&self.plain, get).await.outcome == "ok";
            observed.shown_sessions[instance] = shown;
            observed.sessions[instance] = self.session_is_valid(instance).await;
        }
        for step in steps {
            observed.flows.push(self.see_flow(*step).await);
        }
        for answer in answers {
            observed.new_sessions.push(self.see_session(answer).await);
        }
        observed
    }

    /// Checks whether a session can be used for a change: its action then fails only because the flow is missing.
    async fn session_is_valid(&self, instance: usize) -> bool {
        let arguments =
            json!({ "session_token": self.session(instance), "user_deletion_token": "" });
        match &*answer(&self.plain, "get_user_deletion", arguments)
            .await
            .outcome
        {
            "invalid_user_deletion_token" => true,
            "invalid_session_token" => false,
            other => panic!("get_user_deletion: {other}"),
        }
    }

    async fn see_flow(&self, step: Step) -> Option<String> {
        let get = Kind::named(&format!("get_{}", step.kind.flow()?.name));
        let answer = self.invoke(&self.plain, Step { kind: get, ..step }).await;
        Some(match answer.outcome.as_str() {
            "ok" => answer.values.to_string(),
            invalid => invalid.to_owned(),
        })
    }

    async fn see_session(&self, given: &Answer) -> Option<bool> {
        let arguments = json!({ "session_token": given.values.get("session_token")? });
        Some(answer(&self.plain, "get_session", arguments).await.outcome == "ok")
    }

    /// Returns the number of sessions in the storage that were not prepared.
    pub(crate) fn sessions_made(&self) -> usize {
        let prepared = self.prepared_sessions();
        let mut entries = self.storage.entries();
        entries.retain(|key, _| key.starts_with("main.session.") && !prepared.contains(key));
        entries.len()
    }
}

fn outcome((answer, step): (&Answer, &Step)) -> String {
    if answer.outcome == "ok" && step.kind.name.starts_with("get_") {
        return answer.values.to_string();
    }
    // If both tokens have become invalid, either may be reported.
    if answer.outcome.starts_with("invalid_") && answer.outcome.ends_with("_token") {
        return "invalid token".to_owned();
    }
    answer.outcome.clone()
}

impl Observed {
    fn succeeded<'a>(&'a self, steps: &'a [Step]) -> impl Iterator<Item = &'a Step> {
        let steps = self.outcomes.iter().zip(steps);
        steps
            .filter(|(outcome, _)| *outcome == "ok")
            .map(|(_, step)| step)
    }

    /// Returns the state, without the answers and emails.
    pub(crate) fn state(&self) -> Self {
        Self {
            outcomes: vec![],
            new_sessions: vec![],
            emails: vec![],
            ..self.clone()
        }
    }

    pub(crate) fn is_alive(&self, index: usize) -> bool {
        let flow = self.flows[index].as_ref();
        flow.is_some_and(|flow| flow.starts_with('{'))
    }

    /// Checks the invariants that hold after any actions, in any order and with any failure.
    pub(crate) fn check(&self, steps: &[Step], circumstances: Circumstances) -> Result<(), String> {
        let addresses: BTreeSet<_> = self.users.iter().map(|(address, ..)| address).collect();
        require(addresses.len() == self.users.len(), "a user is there twice")?;
        let mints = |step: &&Step| step.kind.mints();
        let flows: BTreeSet<_> = steps
            .iter()
            .filter(mints)
            .map(|step| (step.kind.name, step.stage, step.instance))
            .collect();
        require(
            self.sessions_made <= flows.len(),
            "a flow has made more than one session",
        )?;
        for (index, step) in steps.iter().enumerate() {
            let same = self.succeeded(steps).filter(|other| *other == step).count();
            require(
                same <= 1 || !is_single_use(step.kind.name),
                "a step that is for once has succeeded twice",
            )?;
            for event in self.succeeded(steps) {
                require(
                    !self.is_alive(index) || !ends_flow(event, step),
                    &format!("{step}: its flow survives {event}"),
                )?;
            }
        }
        for event in self.succeeded(steps) {
            let ends = |instance: &usize| ends_session(event, *instance, circumstances);
            for instance in (0..2).filter(ends) {
                require(
                    !self.sessions[instance],
                    &format!("session {instance} survives {event}"),
                )?;
                let may_be_cached = circumstances.cached
                    && (event.instance != instance || event.kind.changes_password());
                require(
                    !self.shown_sessions[instance] || may_be_cached,
                    &format!("session {instance} is shown after {event}"),
                )?;
            }
            let is_ended = || {
                self.succeeded(steps)
                    .any(|other| ends_session(other, event.instance, circumstances))
            };
            require(
                event.kind.name != "complete_user_password_update"
                    || self.sessions[event.instance]
                    || is_ended(),
                "an update of the password has ended its own session",
            )?;
            // Completing a sign-up creates another user.
            let mut new = self.new_sessions.iter().zip(steps);
            require(
                event.kind.name != "complete_user_deletion"
                    || new.all(|(opens, step)| {
                        *opens != Some(true) || step.kind.name == "complete_signup"
                    }),
                "a session outlives its user",
            )?;
        }
        Ok(())
    }
}

fn require(is_true: bool, otherwise: &str) -> Result<(), String> {
    if is_true {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

/// Checks whether the action takes effect at most once for its flow or session.
pub(crate) fn is_single_use(action: &str) -> bool {
    ["verify_", "set_", "complete_", "delete_"]
        .iter()
        .any(|start| action.starts_with(start))
}

/// Checks whether the flow of `step` has ended once `event` was acknowledged.
fn ends_flow(event: &Step, step: &Step) -> bool {
    let flow_of = |step: &Step| step.kind.flow().map(|flow| flow.name);
    let Some(flow) = flow_of(step) else {
        return false;
    };
    let uses_flow_up = |start: &str| event.kind.name == format!("{start}_{flow}");
    if (uses_flow_up("complete") || uses_flow_up("delete"))
        && (event.stage, event.instance) == (step.stage, step.instance)
    {
        return true;
    }
    match event.kind.name {
        "complete_user_deletion" => flow != "signup",
        "complete_user_password_update" | "complete_user_password_reset" => flow != "signup",
        "complete_user_email_address_update" => {
            ["user_email_address_update", "user_password_reset"].contains(&flow)
        }
        _ => false,
    }
}

/// Checks whether a prepared session has ended once `event` was acknowledged.
fn ends_session(event: &Step, instance: usize, circumstances: Circumstances) -> bool {
    match event.kind.name {
        "complete_user_password_update" => {
            !circumstances.keeps_sessions && event.instance != instance
        }
        "complete_user_password_reset" => !circumstances.keeps_sessions,
        "complete_user_deletion" | "delete_all_sessions" => true,
        "delete_session" => event.instance == instance,
        _ => false,
    }
}
