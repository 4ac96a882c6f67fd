//! Every action with a fault of every kind at every call of its adapters: the answer, the state afterwards, and the outcome of
//! a retry by the client.

use std::{sync::Arc, time::Duration};

use faroe_testkit::{
    fault::{Call, Extent, Fault, Faults, Injection},
    promise,
};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    harness::no_background,
    observed::Observed,
    scene::{Answer, Circumstances, KINDS, Scene, Step},
};

/// The time limit of an action.
const LONGEST: Duration = Duration::from_secs(10);

const EXTENTS: [Extent; 3] = [Extent::Once, Extent::ThisPort, Extent::Everything];

/// One action, in a scene whose adapters can be made to fail.
struct Sweep {
    faults: Arc<Faults>,
    scene: Scene,
    step: Step,
    calls: Vec<Call>,
    /// The number of records at the start.
    records: usize,
    /// The observations before and after the action without a fault.
    before: Observed,
    after: Observed,
}

impl Sweep {
    async fn new(scene: Scene, faults: Arc<Faults>, step: Step) -> Self {
        scene.renew(&[step]);
        let nothing = Answer {
            outcome: String::new(),
            values: Value::Null,
        };
        let before = scene.observe(&[step], &[nothing]).await;
        scene.renew(&[step]);
        let records = scene.records();
        faults.take_calls();
        let answer = scene.invoke(&scene.endpoint, step).await;
        assert_eq!(answer.outcome, "ok", "{step}");
        let calls = faults.take_calls();
        let after = scene.observe(&[step], &[answer]).await;
        Self {
            faults,
            scene,
            step,
            calls,
            records,
            before,
            after,
        }
    }

    /// Invokes the action with a fault, and removes the fault.
    async fn invoke(&self, injection: Injection) -> Answer {
        self.scene.renew(&[self.step]);
        self.faults.inject(injection);
        let answer = self.scene.invoke(&self.scene.endpoint, self.step).await;
        assert!(self.faults.is_done(), "{}: {injection:?}", self.step);
        self.faults.heal();
        answer
    }

    async fn retry(&self) -> Answer {
        self.scene.invoke(&self.scene.endpoint, self.step).await
    }

    async fn observe(&self, answers: &[Answer]) -> Observed {
        let steps = vec![self.step; answers.len()];
        self.scene.observe(&steps, answers).await
    }

    /// Checks whether the action has had no effect, its full effect, or only ended the flow.
    fn is_one_thing_or_the_other(&self, observed: &Observed) -> bool {
        let is = |state: &Observed| observed.state() == state.state();
        let is_lost = !observed.is_alive(0) && {
            let mut found_again = observed.clone();
            found_again.flows.clone_from(&self.before.flows);
            found_again.state() == self.before.state()
        };
        is(&self.before) || is(&self.after) || is_lost
    }

    /// Checks the invariants after the action and a retry by the client.
    fn check(&self, observed: &Observed, circumstances: Circumstances) -> Result<(), String> {
        observed.check(&[self.step; 2], circumstances)?;
        // A retry can end the other sessions again.
        let counted = if circumstances.keeps_sessions { 4 } else { 3 };
        let grown = |observed: &Observed| {
            let counters = observed
                .users
                .iter()
                .map(|(_, counters, _)| &counters[..counted]);
            counters.flatten().sum::<i32>()
        };
        if observed.users.len() > self.after.users.len().max(self.before.users.len()) {
            return Err("more users than one was created".to_owned());
        }
        if grown(observed) > grown(&self.after).max(grown(&self.before)) {
            return Err("a change was made twice".to_owned());
        }
        Ok(())
    }

    fn fail(&self, injection: Injection, answers: &[Answer], observed: &Observed, why: &str) -> ! {
        let Self { step, calls, .. } = self;
        let outcomes: Vec<_> = answers.iter().map(|answer| &answer.outcome).collect();
        panic!(
            "{step}: {why}\n  {injection:?} at {}\n  answers: {outcomes:?}\n  seen:   {observed:?}\n  before: {:?}\n  after:  {:?}",
            calls[injection.at], self.before, self.after
        );
    }
}

/// Returns circumstances in which no optional call is made, and those in which every one is.
fn circumstances() -> [Circumstances; 2] {
    let usual = Circumstances::default();
    [
        Circumstances {
            keeps_sessions: true,
            ..usual
        },
        Circumstances {
            outdated_hash: true,
            idle: true,
            ..usual
        },
    ]
}

/// Runs over all actions.
async fn sweep(circumstances: Circumstances, mut over: impl AsyncFnMut(&Sweep)) {
    let faults = Arc::<Faults>::default();
    let mut scene = Scene::new(Arc::clone(&faults) as _, no_background(), circumstances).await;
    for kind in KINDS {
        let sweep = Sweep::new(scene, Arc::clone(&faults), Step::new(*kind, 0)).await;
        over(&sweep).await;
        scene = sweep.scene;
    }
}

fn injections(calls: usize, faults: &[Fault], extents: &[Extent]) -> Vec<Injection> {
    let mut injections = vec![];
    for at in 0..calls {
        for &fault in faults {
            injections.extend(
                extents
                    .iter()
                    .map(|&extent| Injection { fault, at, extent }),
            );
        }
    }
    injections
}

#[tokio::test]
async fn p28_an_error_at_any_call_changes_nothing_or_all_and_the_next_try_is_safe() {
    let mut covered = 0;
    for circumstances in circumstances() {
        sweep(circumstances, async |sweep: &Sweep| {
            let faults = [Fault::FailBeforeActing];
            for injection in injections(sweep.calls.len(), &faults, &EXTENTS) {
                covered += 1;
                let answer = sweep.invoke(injection).await;
                let records = sweep.scene.records();
                let failed = sweep
                    .scene
                    .log
                    .errors()
                    .iter()
                    .filter(|it| it.failed)
                    .count();
                let answered = std::slice::from_ref(&answer);
                let seen = sweep.observe(answered).await;
                let fail = |why: &str| sweep.fail(injection, answered, &seen, why);
                // Ending the other sessions is a separate change after that of the password.
                let ends_sessions =
                    !circumstances.keeps_sessions && sweep.step.kind.changes_password();
                // All sessions end with the first of two changes.
                let ends_sessions = ends_sessions
                    || sweep.step.kind.name == "delete_all_sessions"
                        && seen.sessions == sweep.after.sessions;
                match answer.outcome.as_str() {
                    "ok" => {}
                    "session_not_created" if sweep.step.kind.mints() => {}
                    "internal_error" if failed != 1 => fail("it is not logged once"),
                    "internal_error" if ends_sessions || sweep.is_one_thing_or_the_other(&seen) => {
                    }
                    "internal_error" => fail("it has changed something, but not all"),
                    _ => fail("this is not what has happened"),
                }
                let unchanged = seen.state() == sweep.before.state();
                let is_error = answer.outcome == "internal_error";
                if is_error && injection.extent == Extent::Once && records > sweep.records {
                    fail("it has left a record behind");
                }
                let answers = [answer.clone(), sweep.retry().await];
                let observed = sweep.observe(&answers).await;
                if is_error && unchanged && answers[1].outcome != "ok" {
                    sweep.fail(injection, &answers, &observed, "the next try fails too");
                }
                if let Err(why) = sweep.check(&observed, circumstances) {
                    sweep.fail(injection, &answers, &observed, &why);
                }
            }
        })
        .await;
    }
    let actions = KINDS.len();
    promise::report(
        "P28",
        format!("{actions} actions, {covered} errors at their calls, 0 violations"),
    );
}

#[tokio::test]
async fn p29_a_lost_answer_and_a_double_or_late_delivery_take_effect_once() {
    let mut covered = 0;
    for circumstances in circumstances() {
        sweep(circumstances, async |sweep: &Sweep| {
            let faults = [Fault::LoseTheAnswer, Fault::ActTwice, Fault::ActLate];
            for injection in injections(sweep.calls.len(), &faults, &[Extent::Once]) {
                for late_before_retry in [true, false] {
                    covered += 1;
                    let answer = sweep.invoke(injection).await;
                    if late_before_retry {
                        sweep.faults.deliver_late_calls().await;
                    }
                    let answers = [answer, sweep.retry().await];
                    sweep.faults.deliver_late_calls().await;
                    let observed = sweep.observe(&answers).await;
                    if injection.fault == Fault::ActTwice && answers[0].outcome != "ok" {
                        sweep.fail(injection, &answers, &observed, "once would have succeeded");
                    }
                    if answers[1].outcome == "internal_error" {
                        sweep.fail(injection, &answers, &observed, "the next try fails too");
                    }
                    if let Err(why) = sweep.check(&observed, circumstances) {
                        sweep.fail(injection, &answers, &observed, &why);
                    }
                }
            }
        })
        .await;
    }
    let actions = KINDS.len();
    promise::report(
        "P29",
        format!(
            "{actions} actions, {covered} lost, double and late calls with a retry, no double effect"
        ),
    );
}

#[tokio::test(start_paused = true)]
async fn p31_no_action_takes_more_than_ten_seconds_whatever_hangs_or_is_slow() {
    let (mut covered, mut longest) = (0, Duration::ZERO);
    let cached = Circumstances {
        cached: true,
        ..Circumstances::default()
    };
    for circumstances in circumstances().into_iter().chain([cached]) {
        sweep(circumstances, async |sweep: &Sweep| {
            let slow =
                [300, 900, 1_500, 1_999].map(|it| Fault::ActAfter(Duration::from_millis(it)));
            let mut tried = injections(sweep.calls.len(), &[Fault::Hang], &EXTENTS);
            tried.extend(injections(1, &slow, &[Extent::Everything]));
            for injection in tried {
                covered += 1;
                let begun = Instant::now();
                let answer = sweep.invoke(injection).await;
                let took = begun.elapsed();
                longest = longest.max(took);
                let answers = [answer, sweep.retry().await];
                let observed = sweep.observe(&answers).await;
                if took > LONGEST {
                    sweep.fail(injection, &answers, &observed, &format!("it took {took:?}"));
                }
                if circumstances.cached {
                    continue;
                }
                if let Err(why) = sweep.check(&observed, circumstances) {
                    sweep.fail(injection, &answers, &observed, &why);
                }
            }
        })
        .await;
    }
    let actions = KINDS.len();
    promise::report(
        "P31",
        format!("{actions} actions, {covered} hanging and slow calls, {longest:?} at most"),
    );
}
