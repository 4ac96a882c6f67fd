//! Three or more concurrent actions on the same record: a step takes effect once, and a guess is counted once.

use std::{cell::Cell, sync::Arc};

use faroe_core::{RateLimits, email::EmailFate};
use faroe_testkit::{effort::Effort, fault::Faults, promise};
use futures::future::join_all;

use crate::{
    harness::no_background,
    interleavings::{Exploration, assert_no_violation},
    observed::is_single_use,
    scene::{Answer, Circumstances, KINDS, Kind, Scene, Step},
};

/// Returns every step that a flow or a session can take only once.
fn single_use_steps() -> impl Iterator<Item = Step> {
    let kinds = KINDS.iter().filter(|kind| is_single_use(kind.name));
    kinds.map(|kind| Step::new(*kind, 0))
}

fn succeeds_once(scene: &Scene, step: Step, answers: &[Answer]) -> Result<(), String> {
    let succeeded = answers.iter().filter(|answer| answer.outcome == "ok");
    let (succeeded, sessions) = (succeeded.count(), scene.sessions_made());
    if (succeeded, sessions) == (1, usize::from(step.kind.mints())) {
        Ok(())
    } else {
        Err(format!("{answers:?}, and {sessions} sessions were made"))
    }
}

#[test]
fn p19_of_racers_at_each_step_exactly_one_succeeds_in_every_interleaving() {
    let exploration = Exploration::new(Circumstances::default());
    let effort = Effort::requested();
    let (mut races, mut schedules) = (0, 0);
    for step in single_use_steps() {
        // Three racers have many schedules, especially if each reads a session first.
        let three = match effort {
            Effort::Quick => step.kind.mints(),
            Effort::Full => !step.kind.takes_session(),
            Effort::Thorough => true,
        };
        let racers = if three { 3 } else { 2 };
        let steps = vec![step; racers];
        let check = |answers: &[Answer]| succeeds_once(&exploration.scene, step, answers);
        let explored = exploration.explore(&steps, |_| {}, check);
        assert_no_violation(&explored);
        races += 1;
        schedules += explored.schedules;
    }
    promise::report(
        "P19",
        format!("2 and 3 racers at {races} steps, {schedules} schedules, one success each"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p19_of_32_racers_at_each_step_exactly_one_succeeds() {
    const ROUNDS: usize = 10;
    let circumstances = Circumstances {
        hashing_queue: 64,
        ..Circumstances::default()
    };
    let scene = Scene::new(Arc::new(Faults::default()), no_background(), circumstances).await;
    let scene = Arc::new(scene);
    for step in single_use_steps() {
        for _ in 0..ROUNDS {
            scene.renew(&[step]);
            let racers = (0..32).map(|_| {
                let scene = Arc::clone(&scene);
                tokio::spawn(async move { scene.invoke(&scene.endpoint, step).await })
            });
            let answers = join_all(racers).await.into_iter().map(Result::unwrap);
            let answers: Vec<Answer> = answers.collect();
            assert_eq!(succeeds_once(&scene, step, &answers), Ok(()), "{step}");
        }
    }
    let races = single_use_steps().count() * ROUNDS;
    promise::report("P19", format!("{races} races of 32, one success each"));
}

#[test]
fn p76_of_passwords_for_one_flow_at_once_one_is_hashed_in_every_interleaving() {
    let exploration = Exploration::new(Circumstances::default());
    let scene = &exploration.scene;
    let mut schedules = 0;
    // An update compares the new password with the current one, too.
    for (name, hashes) in [
        ("set_signup_password", 1),
        ("set_user_password_update_new_password", 2),
    ] {
        let step = Step::new(Kind::named(name), 0).at_stage(1);
        let hashes_before = Cell::new(0);
        let prepare = |scene: &Scene| hashes_before.set(scene.hasher.evaluations());
        let check = |answers: &[Answer]| {
            let hashed = scene.hasher.evaluations() - hashes_before.get();
            let succeeded = answers.iter().filter(|answer| answer.outcome == "ok");
            if (hashed, succeeded.count()) == (hashes, 1) {
                Ok(())
            } else {
                Err(format!("{hashed} hashed: {answers:?}"))
            }
        };
        let explored = exploration.explore_on_one_server(&[step; 3], prepare, check);
        assert_no_violation(&explored);
        schedules += explored.schedules;
    }
    promise::report(
        "P76",
        format!("3 passwords for a flow at once, {schedules} schedules, one of them hashed"),
    );
}

#[test]
fn p77_of_flows_begun_at_once_exactly_as_many_begin_as_there_is_room_for() {
    let exploration = Exploration::new(Circumstances::default());
    let scene = &exploration.scene;
    let callers = match Effort::requested() {
        Effort::Quick => 2,
        _ => 3,
    };
    let limits = RateLimits::default();
    let step = |name| Step::new(Kind::named(name), 0);
    let of_sessions = [
        step("create_user_password_update"),
        step("create_user_deletion"),
        step("create_user_deletion"),
    ];
    let mut schedules = 0;
    for (steps, limit) in [
        ([step("create_signin"); 3], limits.create_signin),
        (of_sessions, limits.create_session_flow),
    ] {
        let steps = &steps[..callers];
        for left in [0, 1, 2] {
            let used = limit.capacity - left;
            let used = exploration.attempts_used(steps[0], usize::try_from(used).unwrap());
            let records_before = Cell::new(0);
            let prepare = |scene: &Scene| {
                scene.add_entries(used.clone());
                records_before.set(scene.records());
            };
            let check = |answers: &[Answer]| {
                let count = |outcome: &str| {
                    let answers = answers.iter();
                    answers.filter(|answer| answer.outcome == outcome).count()
                };
                let records = scene.records() - records_before.get();
                let begun = usize::try_from(left).unwrap().min(steps.len());
                if [count("ok"), records, steps.len() - count("overloaded")] == [begun; 3] {
                    Ok(())
                } else {
                    Err(format!("{left} left: {answers:?}, {records} records"))
                }
            };
            let explored = exploration.explore(steps, prepare, check);
            assert_no_violation(&explored);
            schedules += explored.schedules;
        }
    }
    promise::report(
        "P77",
        format!(
            "{callers} flows of a user begun at once on as many servers, {schedules} schedules, none too many"
        ),
    );
}

#[test]
fn p15_of_emails_not_accepted_at_once_all_are_given_back_and_no_more_in_every_interleaving() {
    const EMAILS: usize = 5;
    let exploration = Exploration::new(Circumstances::default());
    let mailbox = &exploration.scene.mailbox;
    let steps = [
        Step::new(Kind::named("create_signup"), 0),
        Step::new(Kind::named("create_user_password_reset"), 0),
    ];
    let mut schedules = 0;
    for step in steps {
        for left in [0, 1, 2, EMAILS] {
            mailbox.set_fate(None);
            let used = exploration.attempts_used(step, EMAILS - left);
            let prepare = |scene: &Scene| {
                scene.add_entries(used.clone());
                scene.mailbox.set_fate(Some(EmailFate::NotAccepted));
            };
            let check = |answers: &[Answer]| {
                let failed = answers.iter().all(|answer| match answer.outcome.as_str() {
                    "internal_error" => left > 0,
                    // The other action has the last one for now.
                    "rate_limited" => left < 2,
                    _ => false,
                });
                mailbox.set_fate(None);
                let sent = exploration.times_ok(step);
                if failed && sent == left {
                    Ok(())
                } else {
                    Err(format!("{left} left: {answers:?}, then {sent} were sent"))
                }
            };
            let explored = exploration.explore(&[step; 2], prepare, check);
            assert_no_violation(&explored);
            schedules += explored.schedules;
        }
    }
    promise::report(
        "P15",
        format!("2 emails not accepted at once, {schedules} schedules, all given back"),
    );
}

/// Evidence of the number of admitted attempts, besides the answers.
#[derive(Clone, Copy)]
enum Counted {
    Hashes,
    Emails,
    /// Only the answers: comparing codes leaves no trace.
    Answers,
}

/// Returns callers that share a limit, and the answer to an admitted wrong guess.
fn guessers() -> Vec<([Step; 3], &'static str, Counted)> {
    let step = |name, instance| Step::new(Kind::named(name), instance);
    let wrong = |name| [step(name, 0).wrong(); 3];
    let of_one_user = [
        step("verify_signin_user_password", 0).wrong(),
        step("verify_signin_user_password", 1).wrong(),
        step("verify_user_deletion_user_password", 0).wrong(),
    ];
    let incorrect_code = "incorrect_email_address_verification_code";
    vec![
        (
            wrong("verify_signin_user_password"),
            "incorrect_password",
            Counted::Hashes,
        ),
        (of_one_user, "incorrect_password", Counted::Hashes),
        (
            wrong("verify_user_password_reset_temporary_password"),
            "incorrect_temporary_password",
            Counted::Hashes,
        ),
        (
            wrong("verify_signup_email_address_verification_code"),
            incorrect_code,
            Counted::Answers,
        ),
        (
            wrong("verify_user_email_address_update_email_address_verification_code"),
            incorrect_code,
            Counted::Answers,
        ),
        (
            [step("create_user_password_reset", 0); 3],
            "ok",
            Counted::Emails,
        ),
        ([step("create_signup", 0); 3], "ok", Counted::Emails),
    ]
}

#[test]
fn p11_of_callers_at_once_exactly_as_many_guess_as_there_are_attempts_left() {
    const ATTEMPTS: usize = 5;
    let effort = Effort::requested();
    let exploration = Exploration::new(Circumstances::default());
    let scene = &exploration.scene;
    let (mut schedules, mut evaluations) = (0, 0);
    for (budget, (steps, tried, counted)) in guessers().into_iter().enumerate() {
        // Three callers have many schedules.
        let callers = if effort > Effort::Quick || budget == 0 {
            3
        } else {
            2
        };
        let steps = &steps[..callers];
        for left in [0, 1, 2, ATTEMPTS] {
            let used = exploration.attempts_used(steps[0], ATTEMPTS - left);
            let let_through = left.min(steps.len());
            let hashes_before = Cell::new(0);
            let prepare = |scene: &Scene| {
                scene.add_entries(used.clone());
                hashes_before.set(scene.hasher.evaluations());
            };
            let check = |answers: &[Answer]| {
                let count = |outcome: &str| {
                    let answers = answers.iter();
                    answers.filter(|answer| answer.outcome == outcome).count()
                };
                let evaluated = match counted {
                    Counted::Hashes => scene.hasher.evaluations() - hashes_before.get(),
                    Counted::Emails => scene.mailbox.messages().len(),
                    Counted::Answers => count(tried),
                };
                let seen = [count(tried), evaluated, steps.len() - count("rate_limited")];
                if seen == [let_through; 3] {
                    Ok(())
                } else {
                    Err(format!("{left} left: {answers:?}, {evaluated} evaluated"))
                }
            };
            let explored = exploration.explore(steps, prepare, check);
            assert_no_violation(&explored);
            schedules += explored.schedules;
            evaluations += let_through * explored.schedules;
        }
    }
    let budgets = guessers().len();
    promise::report(
        "P11",
        format!(
            "up to 3 callers at {budgets} budgets, {schedules} schedules, {evaluations} guesses, none too many"
        ),
    );
}
