//! Limits over flows: exact, on any number of servers, whatever their clocks say.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    Server,
    protocol::{
        signin::{CreateSignin, VerifySigninUserPassword},
        signup::{
            CreateSignup, SendSignupEmailAddressVerificationCode,
            VerifySignupEmailAddressVerificationCode,
        },
    },
    storage::{MainStorage, Storage},
    time::Clock,
};
use faroe_testkit::{clock::ManualClock, fault::Fault, promise};
use futures::future::join_all;
use proptest::prelude::*;

use crate::harness::{EMAIL, Harness, PASSWORD, minutes, outcome};

#[tokio::test]
async fn five_attempts_and_then_one_a_minute() {
    let harness = Harness::new();
    harness.sign_up().await;
    for _ in 0..5 {
        assert_eq!(
            harness.try_password("not the password").await,
            "incorrect_password"
        );
    }
    assert_eq!(harness.try_password(PASSWORD).await, "rate_limited");
    harness.advance(minutes(1) - Duration::from_millis(1));
    assert_eq!(harness.try_password(PASSWORD).await, "rate_limited");
    harness.advance(Duration::from_millis(1));
    assert_eq!(
        harness.try_password(PASSWORD).await,
        "ok",
        "a successful attempt takes a token too:"
    );
    assert_eq!(harness.try_password(PASSWORD).await, "rate_limited");
}

#[tokio::test]
async fn p13_a_clock_that_was_days_ahead_locks_nobody_out() {
    let harness = Harness::new();
    harness.sign_up().await;
    let ahead = Arc::<ManualClock>::default();
    ahead.set(harness.clock.now());
    ahead.advance(minutes(10 * 24 * 60));
    let (server, _) = harness.beside(|_, options| options.clock = ahead);
    for attempt in 0..7 {
        let create = CreateSignin {
            user_email_address: EMAIL.into(),
        };
        let signin_token = server.invoke(create).await.unwrap().signin_token;
        let verify = VerifySigninUserPassword {
            signin_token,
            password: "not the password".into(),
        };
        let expected = if attempt < 5 {
            "incorrect_password"
        } else {
            "rate_limited"
        };
        assert_eq!(outcome(&server, verify).await, expected);
    }
    assert_eq!(harness.try_password(PASSWORD).await, "ok", "at once");
    assert_eq!(harness.try_password(PASSWORD).await, "rate_limited");
    harness.advance(minutes(2));
    assert_eq!(harness.try_password(PASSWORD).await, "ok");
    promise::report("P13", "a clock was ten days ahead, an attempt right after");
}

#[tokio::test]
async fn defect_3_an_idle_bucket_lets_five_through_however_long_it_was_idle() {
    for idle in [5, 255, 256, 257, 1_000_000] {
        let harness = Harness::new();
        harness.sign_up().await;
        for _ in 0..5 {
            harness.try_password("not the password").await;
        }
        harness.advance(minutes(idle));
        for _ in 0..5 {
            assert_eq!(
                harness.try_password("not the password").await,
                "incorrect_password",
                "{idle}"
            );
        }
        assert_eq!(
            harness.try_password("not the password").await,
            "rate_limited",
            "{idle}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_simultaneous_attempts_on_three_servers_exactly_five_are_evaluated() {
    for round in 1..=50 {
        let harness = Harness::with(|_, options| options.hashing.queue = 64);
        harness.sign_up().await;
        let signed_up = harness.hasher.evaluations();
        let queue = |_: &mut _, options: &mut faroe_core::ServerOptions| options.hashing.queue = 64;
        let servers = [
            harness.server.clone(),
            harness.beside(queue).0,
            harness.beside(queue).0,
        ];
        let mut attempts = vec![];
        for racer in 0..64 {
            let server = servers[racer % 3].clone();
            let verify = VerifySigninUserPassword {
                signin_token: harness.create_signin().await,
                password: "not the password".into(),
            };
            attempts.push(tokio::spawn(async move { outcome(&server, verify).await }));
        }
        let outcomes: Vec<_> = join_all(attempts)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let count = |name| outcomes.iter().filter(|outcome| **outcome == name).count();
        assert_eq!(
            (count("incorrect_password"), count("rate_limited")),
            (5, 59),
            "round {round}: {outcomes:?}"
        );
        assert_eq!(harness.hasher.evaluations() - signed_up, 5);
    }
}

#[tokio::test]
async fn addresses_that_differ_in_case_share_their_emails() {
    let harness = Harness::new();
    for email_address in [
        "x@example.com",
        "X@example.com",
        "x@EXAMPLE.com",
        "X@Example.Com",
        "x@example.com",
    ] {
        let create = CreateSignup {
            email_address: email_address.into(),
        };
        assert_eq!(outcome(&harness.server, create).await, "ok");
    }
    let create = || CreateSignup {
        email_address: "x@example.COM".into(),
    };
    assert_eq!(outcome(&harness.server, create()).await, "rate_limited");
    harness.advance(minutes(30) - Duration::from_millis(1));
    assert_eq!(outcome(&harness.server, create()).await, "rate_limited");
    harness.advance(Duration::from_millis(1));
    assert_eq!(outcome(&harness.server, create()).await, "ok");
}

#[tokio::test]
async fn wrong_codes_in_one_flow_do_not_lock_another() {
    let harness = Harness::new();
    let (strangers, owners) = (harness.create_signup().await, harness.create_signup().await);
    let code = harness.mailbox.last_code(EMAIL).unwrap();
    for _ in 0..6 {
        let email_address_verification_code = "AAAAAAAA".into();
        let verify = VerifySignupEmailAddressVerificationCode {
            signup_token: strangers.clone(),
            email_address_verification_code,
        };
        outcome(&harness.server, verify).await;
    }
    let send = SendSignupEmailAddressVerificationCode {
        signup_token: strangers,
    };
    assert_eq!(outcome(&harness.server, send).await, "rate_limited");
    let verify = VerifySignupEmailAddressVerificationCode {
        signup_token: owners,
        email_address_verification_code: code,
    };
    assert_eq!(outcome(&harness.server, verify).await, "ok");
}

#[tokio::test]
async fn a_bucket_that_cannot_be_read_is_repaired_closed() {
    let harness = Harness::new();
    harness.sign_up().await;
    harness.try_password(PASSWORD).await;
    let entries = harness.storage.entries();
    let (key, entry) = entries
        .iter()
        .find(|(key, _)| key.starts_with("rate_limit.verify_user_password"))
        .unwrap();
    // With the namespace's own frame around it, what the bucket wrote is cut off; then even the frame is.
    for broken in [&entry.value[..entry.value.len() - 1], b"broken", b""] {
        MainStorage::set(&*harness.storage, key, broken, entry.expires_at)
            .await
            .unwrap();
        assert_eq!(harness.try_password(PASSWORD).await, "rate_limited");
        harness.advance(minutes(1));
        assert_eq!(harness.try_password(PASSWORD).await, "ok");
    }
}

#[tokio::test]
async fn a_lost_bucket_write_is_an_internal_error_and_hashes_nothing() {
    let harness = Harness::new();
    harness.sign_up().await;
    let signin_token = harness.create_signin().await;
    let evaluations = harness.hasher.evaluations();
    let (server, faults) = harness.beside(|_, _| {});
    faults.at_next(
        "Storage::add rate_limit.verify_user_password",
        Fault::FailBeforeActing,
    );
    let verify = VerifySigninUserPassword {
        signin_token,
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&server, verify).await, "internal_error");
    assert!(faults.is_done());
    assert_eq!(harness.hasher.evaluations(), evaluations);
}

#[tokio::test]
async fn nothing_that_is_no_password_is_hashed() {
    let harness = Harness::new();
    harness.sign_up().await;
    let evaluations = harness.hasher.evaluations();
    for password in ["", &"x".repeat(1025), &"x".repeat(60_000)] {
        assert_eq!(harness.try_password(password).await, "incorrect_password");
    }
    assert_eq!(harness.hasher.evaluations(), evaluations);
}

#[tokio::test]
async fn the_storage_hears_no_address_and_no_long_key() {
    let harness = Harness::new();
    harness.sign_up().await;
    harness.try_password(PASSWORD).await;
    for key in harness.storage.entries().into_keys() {
        assert!(
            key.len() <= 255 && key.bytes().all(|byte| byte.is_ascii_graphic()),
            "{key}"
        );
        assert!(!key.contains("ada") && !key.contains('@'), "{key}");
        assert!(
            Storage::get(&harness.storage, &key)
                .await
                .unwrap()
                .is_some()
        );
    }
}

/// Two servers whose clocks walk, and how much of the time between is real.
#[derive(Clone, Copy, Debug)]
struct Step {
    advance: u64,
    server: usize,
    skews: [i64; 2],
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let skew = -90_000_i64..=90_000;
    // Mostly close together: whoever waits for tokens to come back shows nothing.
    let advance = prop_oneof![4 => 0_u64..2_000, 1 => 0_u64..120_000];
    let step =
        (advance, 0_usize..2, skew.clone(), skew).prop_map(|(advance, server, first, second)| {
            Step {
                advance,
                server,
                skews: [first, second],
            }
        });
    prop::collection::vec(step, 1..60)
}

/// Defect 13: two servers whose clocks differed let an unlimited number of attempts through.
#[test]
fn defect_13_clocks_that_differ_and_step_gain_nothing_twice() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let runner = &mut proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    let result = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            let clocks = [
                Arc::new(ManualClock::default()),
                Arc::new(ManualClock::default()),
            ];
            let start = Clock::now(&*clocks[0]).as_milliseconds();
            let harness = Harness::new();
            harness.sign_up().await;
            let servers: [Server; 2] = [0, 1].map(|server| {
                harness
                    .beside(|_, options| options.clock = Arc::clone(&clocks[server]) as _)
                    .0
            });
            let (mut now, mut evaluated) = (0, 0);
            for step in &steps {
                now += step.advance;
                for (clock, skew) in clocks.iter().zip(step.skews) {
                    clock.set(faroe_core::time::UnixTime::from_milliseconds(
                        start + now as i64 + skew,
                    ));
                }
                // A signin of its own, so that none dies of the clocks.
                let created = servers[step.server]
                    .invoke(CreateSignin {
                        user_email_address: EMAIL.into(),
                    })
                    .await
                    .unwrap();
                let verify = VerifySigninUserPassword {
                    signin_token: created.signin_token,
                    password: "not the password".into(),
                };
                match outcome(&servers[step.server], verify).await {
                    "incorrect_password" => evaluated += 1,
                    limited => prop_assert_eq!(limited, "rate_limited"),
                }
            }
            let bound = 5 + (now + 2 * 90_000) / 60_000 + 1;
            prop_assert!(
                evaluated <= bound,
                "{evaluated} attempts in {now} ms, at most {bound} allowed"
            );
            Ok(())
        })
    });
    result.unwrap();
}

#[tokio::test]
async fn a_lost_race_is_a_token_gone_and_no_reason_to_give_up() {
    let harness = Arc::new(Harness::new());
    harness.sign_up().await;
    let (server, faults) = harness.beside(|_, _| {});
    for call in [
        "Storage::add rate_limit.verify_user_password",
        "Storage::update rate_limit.verify_user_password",
    ] {
        let other = Arc::clone(&harness);
        faults.before(call, async move || {
            assert_eq!(
                other.try_password("not the password").await,
                "incorrect_password"
            );
            Ok(())
        });
        let signin_token = harness.create_signin().await;
        let verify = VerifySigninUserPassword {
            signin_token,
            password: "not the password".into(),
        };
        assert_eq!(
            outcome(&server, verify).await,
            "incorrect_password",
            "{call}"
        );
        assert!(faults.is_done(), "{call}");
    }
    assert_eq!(harness.try_password(PASSWORD).await, "ok");
    assert_eq!(
        harness.try_password(PASSWORD).await,
        "rate_limited",
        "all five are taken"
    );
}
