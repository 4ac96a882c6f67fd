//! Every interleaving of concurrent actions: their answers, and the state afterwards.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use faroe_testkit::{
    effort::Effort,
    explorer::{Actor, Explored, Explorer, Violation},
    promise,
};
use serde_json::Value;

use crate::{
    harness::no_background,
    observed::Observed,
    scene::{Answer, Circumstances, Entries, KINDS, Kind, Scene, Step},
};

/// Pairs that can both take effect although, one after the other, the first would end what the second needs. Both have passed
/// their checks before either took effect, and each is guarded by a separate counter, of the record or of the user, because
/// there is no transaction across storage and user store. The tests still check that no session or flow outlives either.
const BOTH_MAY_TAKE_EFFECT: &[(&str, &str)] = &[
    ("delete_signup", "complete_signup"),
    (
        "delete_user_email_address_update",
        "complete_user_email_address_update",
    ),
    (
        "delete_user_password_update",
        "complete_user_password_update",
    ),
    ("delete_user_deletion", "complete_user_deletion"),
    ("delete_user_password_reset", "complete_user_password_reset"),
    ("delete_session", "delete_all_sessions"),
    ("delete_session", "complete_user_deletion"),
    ("delete_all_sessions", "complete_user_deletion"),
    ("delete_all_sessions", "complete_user_password_update"),
    ("delete_all_sessions", "complete_user_password_reset"),
    (
        "complete_user_email_address_update",
        "complete_user_password_update",
    ),
    (
        "complete_user_email_address_update",
        "complete_user_password_reset",
    ),
    ("complete_user_password_update", "complete_user_deletion"),
    ("complete_user_deletion", "complete_user_password_reset"),
];

/// Pairs in which the first action can end the session that the second returns. The user then signs in again.
const SESSION_MAY_BE_LOST: &[(&str, &str, &str)] = &[
    ("delete_all_sessions", "complete_signin", "invalid token"),
    (
        "delete_all_sessions",
        "complete_user_password_reset",
        "session_not_created",
    ),
    (
        "complete_user_deletion",
        "complete_user_password_reset",
        "session_not_created",
    ),
];

/// Pairs in which one action rehashes the user's password.
const REHASH: (&str, &str) = ("verify_…_user_password", "with a hash of the past");

/// An explorer and the scene that it explores.
pub(crate) struct Exploration {
    explorer: Explorer,
    pub(crate) scene: Arc<Scene>,
}

impl Exploration {
    pub(crate) fn new(circumstances: Circumstances) -> Self {
        Self::with(Explorer::default(), circumstances)
    }

    fn with(explorer: Explorer, mut circumstances: Circumstances) -> Self {
        // An explorer runs in real time, in which a stalled machine must not cause a timeout.
        let timeouts = &mut circumstances.timeouts;
        let hour = Duration::from_secs(60 * 60);
        timeouts.action = hour;
        timeouts.storage = hour;
        timeouts.user_store = hour;
        timeouts.checker = hour;
        timeouts.email = hour;
        timeouts.notification = hour;
        let background = if circumstances.background {
            explorer.background()
        } else {
            no_background()
        };
        let scene = Scene::new(explorer.interceptor(), background, circumstances);
        let scene = Arc::new(explorer.block_on(scene));
        Self { explorer, scene }
    }

    /// Runs these actions concurrently, each on a server of its own, in every order of their calls. `prepare` changes the scene
    /// first.
    pub(crate) fn explore(
        &self,
        steps: &[Step],
        prepare: impl Fn(&Scene),
        check: impl Fn(&[Answer]) -> Result<(), String>,
    ) -> Explored {
        self.explore_on(|actor| actor, steps, prepare, check)
    }

    /// Like [`Self::explore`], with all actions on one server.
    pub(crate) fn explore_on_one_server(
        &self,
        steps: &[Step],
        prepare: impl Fn(&Scene),
        check: impl Fn(&[Answer]) -> Result<(), String>,
    ) -> Explored {
        self.explore_on(|_| 0, steps, prepare, check)
    }

    fn explore_on(
        &self,
        server: impl Fn(usize) -> usize,
        steps: &[Step],
        prepare: impl Fn(&Scene),
        check: impl Fn(&[Answer]) -> Result<(), String>,
    ) -> Explored {
        let Self { explorer, scene } = self;
        let start = || {
            scene.renew(steps);
            prepare(scene);
            let actors = steps.iter().enumerate().map(|(actor, step)| {
                let (scene, step, server) = (Arc::clone(scene), *step, server(actor));
                let act = async move { scene.invoke(scene.server(server), step).await };
                Box::pin(act) as Actor<Answer>
            });
            actors.collect()
        };
        explorer.explore(start, |answers| {
            check(&answers).map_err(|wrong| {
                let names: Vec<_> = steps.iter().map(Step::to_string).collect();
                format!("{}: {wrong}", names.join(" and "))
            })
        })
    }

    fn observe(&self, steps: &[Step], answers: &[Answer]) -> Observed {
        self.explorer.block_on(self.scene.observe(steps, answers))
    }

    /// Returns the rate limit entries after this step has used up `attempts` attempts.
    pub(crate) fn attempts_used(&self, step: Step, attempts: usize) -> Entries {
        self.explorer.block_on(async {
            self.scene.renew(&[step]);
            for _ in 0..attempts {
                self.scene.invoke(&self.scene.plain, step).await;
            }
        });
        let mut entries = self.scene.storage.entries();
        entries.retain(|key, _| key.starts_with("rate_limit."));
        entries
    }

    /// Takes a step again and again, and returns the number of times until it is answered otherwise than with `ok`.
    pub(crate) fn times_ok(&self, step: Step) -> usize {
        self.explorer.block_on(async {
            let mut times = 0;
            while self.scene.invoke(&self.scene.plain, step).await.outcome == "ok" {
                times += 1;
            }
            times
        })
    }

    /// Returns the observations if the actions in `order` run one after the other and the others lose a race.
    fn one_by_one(&self, steps: &[Step], order: &[usize]) -> Observed {
        let scene = &self.scene;
        self.explorer.block_on(async {
            scene.renew(steps);
            let lost = Answer {
                outcome: "internal_conflict".to_owned(),
                values: Value::Null,
            };
            let mut answers = vec![lost; steps.len()];
            for &index in order {
                answers[index] = scene.invoke(&scene.plain, steps[index]).await;
            }
            scene.observe(steps, &answers).await
        })
    }
}

pub(crate) fn assert_no_violation(explored: &Explored) {
    if let Some(violation) = explored.violations.first() {
        panic!("{violation}");
    }
    assert!(!explored.capped);
}

/// Checks whether both actions may have this outcome although it is not that of any order.
fn is_excepted(
    circumstances: Circumstances,
    steps: [Step; 2],
    observed: &Observed,
) -> Option<(&'static str, &'static str)> {
    let [a, b] = steps.map(|step| step.kind.name);
    let outcome_of = |name: &str| {
        let index = usize::from(a != name);
        observed.outcomes[index].as_str()
    };
    let is_pair =
        |&(first, second): &(&str, &str)| (first, second) == (a, b) || (first, second) == (b, a);
    let both_ok = observed.outcomes.iter().all(|outcome| outcome == "ok");
    if both_ok && let Some(pair) = BOTH_MAY_TAKE_EFFECT.iter().find(|pair| is_pair(pair)) {
        return Some(*pair);
    }
    // Rehashing a verified password ends the user's other flows, and is skipped if another change came first.
    let verifies = |name: &str| name.starts_with("verify_") && name.ends_with("_user_password");
    if both_ok && circumstances.outdated_hash && (verifies(a) || verifies(b)) {
        return Some(REHASH);
    }
    let lost = SESSION_MAY_BE_LOST
        .iter()
        .find(|&&(first, second, outcome)| {
            is_pair(&(first, second)) && outcome_of(first) == "ok" && outcome_of(second) == outcome
        });
    lost.map(|&(first, second, _)| (first, second))
}

/// Two concurrent actions: on the same flow at each of its stages, and on two flows of one user.
fn pairs(is_wanted: impl Fn(Kind, Kind) -> bool) -> Vec<[Step; 2]> {
    let mut pairs = vec![];
    for (index, &first) in KINDS.iter().enumerate() {
        for &second in &KINDS[index..] {
            if !is_wanted(first, second) {
                continue;
            }
            let (first, second, flow) = (Step::new(first, 0), Step::new(second, 0), first.flow());
            if flow.is_some() && flow == second.kind.flow() {
                let stages = 0..=flow.map_or(0, |flow| flow.steps.len());
                pairs.extend(stages.map(|stage| [first.at_stage(stage), second.at_stage(stage)]));
            } else {
                pairs.push([first, second]);
            }
            pairs.push([
                first,
                Step {
                    instance: 1,
                    ..second
                },
            ]);
        }
    }
    pairs
}

#[derive(Default)]
struct Covered {
    pairs: BTreeSet<[&'static str; 2]>,
    situations: usize,
    schedules: usize,
    excepted: BTreeSet<(&'static str, &'static str)>,
    /// The first violation in each situation.
    violations: Vec<Violation>,
}

/// Runs pairs of actions concurrently. Apart from the exceptions above, the outcome of every schedule is that of one of the two
/// orders, or that of one action alone while the other returns `internal_conflict`.
fn explore_pairs(circumstances: Circumstances, pairs: &[[Step; 2]], covered: &mut Covered) {
    let exploration = Exploration::new(circumstances);
    for steps in pairs {
        let orders: [&[usize]; 4] = [&[0, 1], &[1, 0], &[0], &[1]];
        let allowed = orders.map(|order| exploration.one_by_one(steps, order));
        let excepted = std::cell::RefCell::new(BTreeSet::new());
        let check = |answers: &[Answer]| {
            let observed = exploration.observe(steps, answers);
            observed.check(steps, circumstances)?;
            if allowed.contains(&observed) {
                return Ok(());
            }
            let pair = is_excepted(circumstances, *steps, &observed);
            excepted.borrow_mut().extend(pair);
            pair.map(|_| ()).ok_or_else(|| {
                let allowed = allowed.each_ref().map(|it| format!("\n  allowed: {it:?}"));
                let allowed = allowed.concat();
                format!("in {circumstances:?}:\n  seen:    {observed:?}{allowed}")
            })
        };
        let explored = exploration.explore(steps, |_| {}, check);
        assert!(!explored.capped);
        covered
            .violations
            .extend(explored.violations.first().cloned());
        covered.pairs.insert(steps.map(|step| step.kind.name));
        covered.situations += 1;
        covered.schedules += explored.schedules;
        covered.excepted.append(&mut excepted.borrow_mut());
    }
}

/// Checks whether two kinds of action take the same flow's token, and one of them changes something.
fn same_flow(first: Kind, second: Kind) -> bool {
    let reads = |kind: Kind| kind.name.starts_with("get_");
    first.flow().is_some() && first.flow() == second.flow() && !(reads(first) && reads(second))
}

/// Checks whether two kinds of action both complete or delete something, or may both hash a password again.
fn both_end(first: Kind, second: Kind) -> bool {
    let both = |is: fn(&str) -> bool| is(first.name) && is(second.name);
    both(|name| name.starts_with("complete_") || name.starts_with("delete_"))
        || both(|name| name.starts_with("verify_") && name.ends_with("_user_password"))
}

/// Checks whether a pair of actions is to be explored.
type IsWanted<'a> = &'a dyn Fn(Kind, Kind) -> bool;

#[test]
fn p20_every_interleaving_of_every_pair_of_actions_keeps_the_invariants() {
    let usual = Circumstances::default();
    let idle = Circumstances {
        idle: true,
        ..usual
    };
    let later = Circumstances {
        background: true,
        ..idle
    };
    let effort = Effort::requested();
    let is_thorough = effort == Effort::Thorough;
    let touches = |names: &'static [&str]| {
        move |first: Kind, second: Kind| {
            let is_named = |kind: Kind| names.iter().any(|name| kind.name.ends_with(name));
            is_thorough || is_named(first) || is_named(second)
        }
    };
    let use_session =
        |first: Kind, second: Kind| is_thorough || first.takes_session() && second.takes_session();
    let sessions = touches(&["_session", "_all_sessions"]);
    let updates_password = touches(&["complete_user_password_update"]);
    let outdated = Circumstances {
        outdated_hash: true,
        ..usual
    };
    let keeps = |circumstances| Circumstances {
        keeps_sessions: true,
        ..circumstances
    };
    let cached = |circumstances| Circumstances {
        cached: true,
        ..circumstances
    };
    let explorations: [(Circumstances, IsWanted<'_>); 8] = [
        (usual, &|_, _| true),
        (outdated, &touches(&["_user_password"])),
        (
            keeps(usual),
            &touches(&[
                "complete_user_password_update",
                "complete_user_password_reset",
            ]),
        ),
        (keeps(later), &|first, second| {
            use_session(first, second) && updates_password(first, second)
        }),
        (cached(usual), &sessions),
        (cached(later), &sessions),
        (idle, &use_session),
        (later, &use_session),
    ];
    let mut covered = Covered::default();
    for (circumstances, is_wanted) in explorations {
        let is_wanted = |first, second| {
            let is_close =
                || both_end(first, second) || circumstances == usual && same_flow(first, second);
            is_wanted(first, second) && (effort > Effort::Quick || is_close())
        };
        explore_pairs(circumstances, &pairs(is_wanted), &mut covered);
    }

    for violation in &covered.violations {
        println!("{violation}");
    }
    assert_eq!(covered.violations.len(), 0, "violations are printed above");
    let excepted = BOTH_MAY_TAKE_EFFECT.iter().copied().chain([REHASH]);
    let excepted = excepted.chain(SESSION_MAY_BE_LOST.iter().map(|&(a, b, _)| (a, b)));
    assert_eq!(
        covered.excepted,
        excepted.collect(),
        "every exception is needed"
    );
    let Covered {
        pairs,
        situations,
        schedules,
        ..
    } = covered;
    let pairs = pairs.len();
    promise::report(
        "P20",
        format!("{pairs} pairs in {situations} situations, {schedules} schedules, 0 violations"),
    );
}

/// A password update, a use of its session, and a sign-out everywhere by the user's other session.
#[test]
fn p73_the_acting_session_is_found_valid_unless_all_sessions_are_ended() {
    let step = |name: &str, instance| Step::new(Kind::named(name), instance);
    let update = step("complete_user_password_update", 0);
    let uses = [
        "get_session",
        "get_user_deletion",
        "complete_user_password_update",
    ];
    let (mut schedules, mut sets) = (0, 0);
    let usual = Circumstances::default();
    for circumstances in [
        usual,
        Circumstances {
            idle: true,
            ..usual
        },
    ] {
        let exploration = Exploration::new(circumstances);
        for (index, name) in uses.into_iter().enumerate() {
            let mut steps = vec![update, step(name, 0)];
            // A third action would multiply the schedules of a long one.
            if index == 0 && !circumstances.idle {
                steps.push(step("delete_all_sessions", 1));
            }
            let steps = &steps[..];
            let explored = exploration.explore(
                steps,
                |_| {},
                |answers| {
                    let observed = exploration.observe(steps, answers);
                    observed.check(steps, circumstances)?;
                    let is_ok =
                        |index: usize| answers.get(index).is_some_and(|it| it.outcome == "ok");
                    if !is_ok(2) && answers[1].outcome == "invalid_session_token" {
                        return Err(format!("the session was found ended: {observed:?}"));
                    }
                    if is_ok(0) && !is_ok(2) && !observed.sessions[0] {
                        return Err(format!("the session has ended: {observed:?}"));
                    }
                    Ok(())
                },
            );
            assert_no_violation(&explored);
            schedules += explored.schedules;
            sets += 1;
        }
    }
    promise::report(
        "P73",
        format!("{sets} sets of concurrent actions, {schedules} schedules, 0 violations"),
    );
}
