//! The arithmetic of buckets, compared with a model under clocks that step and differ.

use faroe_testkit::{effort::Effort, promise};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::*;

const LIMIT: RateLimit = RateLimit {
    capacity: 5,
    interval: Duration::from_secs(60),
};

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_milliseconds(seconds * 1000)
}

fn drained(now: UnixTime) -> BucketState {
    BucketState::empty(now)
}

#[test]
fn one_token_returns_per_interval_and_not_a_millisecond_early() {
    let bucket = drained(UnixTime::from_milliseconds(999));
    assert_eq!(
        bucket
            .refilled(LIMIT, UnixTime::from_milliseconds(60_998))
            .tokens,
        0
    );
    assert_eq!(
        bucket
            .refilled(LIMIT, UnixTime::from_milliseconds(60_999))
            .tokens,
        1
    );
    assert_eq!(
        bucket
            .refilled(LIMIT, UnixTime::from_milliseconds(120_998))
            .tokens,
        1
    );
}

#[test]
fn a_part_of_an_interval_is_kept_for_the_next_token() {
    let bucket = drained(at(0)).refilled(LIMIT, at(90));
    assert_eq!((bucket.tokens, bucket.refilled_at), (1, at(60)));
    assert_eq!(bucket.refilled(LIMIT, at(120)).tokens, 2);
}

#[test]
fn an_idle_bucket_is_full_and_banks_nothing() {
    for idle in [
        5 * 60,
        255 * 60,
        256 * 60,
        257 * 60,
        i64::from(u32::MAX),
        1 << 50,
    ] {
        let bucket = drained(at(0)).refilled(LIMIT, at(idle));
        assert_eq!((bucket.tokens, bucket.refilled_at), (5, at(idle)), "{idle}");
    }
}

#[test]
fn time_never_runs_backwards() {
    let ahead = drained(at(0)).refilled(LIMIT, at(120));
    assert_eq!(ahead.tokens, 2);
    let behind = BucketState { tokens: 0, ..ahead }.refilled(LIMIT, at(60));
    assert_eq!((behind.tokens, behind.refilled_at), (0, at(120)));
    let full = BucketState::full(LIMIT, at(100)).refilled(LIMIT, at(50));
    assert_eq!(full.refilled_at, at(100));
}

#[test]
fn a_lower_capacity_takes_effect_at_once() {
    let bucket = BucketState {
        tokens: 9,
        refilled_at: at(0),
    };
    assert_eq!(bucket.refilled(LIMIT, at(1)).tokens, 5);
}

#[test]
fn keys_are_short_ascii_without_what_they_are_made_from() {
    let limits = RateLimits::default();
    let user = Bucket::verify_user_password(&limits, &"ü\0 ".repeat(10_000)).key;
    let email = Bucket::send_email(&limits, "Ada@Example.com").key;
    assert_eq!(email, Bucket::send_email(&limits, "ada@example.COM").key);
    for key in [user, email] {
        assert!(
            key.len() <= 200 && key.bytes().all(|byte| byte.is_ascii_graphic()),
            "{key}"
        );
        assert!(!key.contains("ada"));
    }
}

/// A simple model of a bucket: a level in milliseconds that rises with time and falls with each attempt. Only
/// successful attempts are recorded.
struct Model {
    level: i64,
    seen: i64,
}

impl Model {
    const CAPACITY: i64 = 5;
    const INTERVAL: i64 = 60_000;

    fn lets_through(&mut self, now: i64) -> bool {
        let risen = self.level + (now - self.seen).max(0);
        let level = risen.min(Self::CAPACITY * Self::INTERVAL);
        if level < Self::INTERVAL {
            return false;
        }
        *self = Self {
            level: level - Self::INTERVAL,
            seen: now.max(self.seen),
        };
        true
    }
}

/// Up to three servers, and the largest deviation of their clocks.
const SERVERS: usize = 3;
const SKEW: i64 = 90_000;

/// One attempt: the time since the previous one, the server, and the current deviation of that server's clock.
fn attempts() -> impl Strategy<Value = Vec<(i64, usize, i64)>> {
    let later = prop_oneof![
        6 => 0_i64..2_000,
        2 => 0_i64..70_000,
        1 => Just(Model::INTERVAL),
        1 => 0_i64..1_000_000,
    ];
    // Clocks deviate, step and drift.
    let off = prop_oneof![Just(-SKEW), Just(0), Just(SKEW), -SKEW..=SKEW];
    prop::collection::vec((later, 0..SERVERS, off), 1..40)
}

/// Sends the attempts to one bucket and asserts that it agrees with the model and keeps the protocol's bound.
fn walk(attempts: &[(i64, usize, i64)]) -> Result<(), TestCaseError> {
    let start = 1_780_000_000_000;
    let (mut real, mut stored) = (start, None::<BucketState>);
    let mut model = Model {
        level: Model::CAPACITY * Model::INTERVAL,
        seen: i64::MIN / 2,
    };
    let mut off = [0; SERVERS];
    let mut passed: Vec<i64> = vec![];
    for &(later, server, now_off) in attempts {
        real += later;
        off[server] = now_off;
        let now = real + off[server];
        let clock = UnixTime::from_milliseconds(now);
        let state = stored.map_or_else(
            || BucketState::full(LIMIT, clock),
            |state| state.refilled(LIMIT, clock),
        );
        let consumed = state.consumed();
        prop_assert_eq!(consumed.is_some(), model.lets_through(now));
        if let Some(consumed) = consumed {
            stored = Some(consumed);
            passed.push(real);
        }
    }
    for (first, from) in passed.iter().enumerate() {
        for (last, to) in passed.iter().enumerate().skip(first) {
            let most = Model::CAPACITY + (to - from + 2 * SKEW) / Model::INTERVAL;
            let let_through = i64::try_from(last - first + 1).unwrap();
            prop_assert!(
                let_through <= most,
                "{let_through} in {} ms, not {most}",
                to - from
            );
        }
    }
    Ok(())
}

#[test]
fn p13_whatever_clocks_do_a_bucket_lets_no_more_through_than_the_bound() {
    let walks = Effort::requested().cases(3_000, 100_000, 2_000_000);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(walks)
    });
    let result = runner.run(&attempts(), |attempts| walk(&attempts));
    assert!(result.is_ok(), "{}", result.unwrap_err());
    promise::report(
        "P13",
        format_args!("{walks} walks of {SERVERS} clocks, each as the model, 0 above the bound"),
    );
}
