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
    for (milliseconds, tokens) in [(60_998, 0), (60_999, 1), (120_998, 1)] {
        let now = UnixTime::from_milliseconds(milliseconds);
        assert_eq!(bucket.clone().refilled(LIMIT, now).tokens, tokens);
    }
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
    let behind = BucketState { tokens: 0, ..ahead };
    let behind = behind.refilled(LIMIT, at(60));
    assert_eq!((behind.tokens, behind.refilled_at), (0, at(120)));
    let full = BucketState::full(LIMIT, at(100)).refilled(LIMIT, at(50));
    assert_eq!(full.refilled_at, at(100));
}

#[test]
fn a_lower_capacity_takes_effect_at_once() {
    let bucket = BucketState {
        tokens: 9,
        refilled_at: at(0),
        leaps: vec![],
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

#[test]
fn a_token_that_was_given_back_is_there_again_and_never_above_the_capacity() {
    let full = BucketState::full(LIMIT, at(0));
    assert_eq!(full.clone().returned(LIMIT, at(0)), None);
    let taken = full.consumed().unwrap();
    let returned = taken.clone().returned(LIMIT, at(10)).unwrap();
    assert_eq!((returned.tokens, returned.refilled_at), (5, at(10)));
    let behind = taken.returned(LIMIT, at(-10)).unwrap();
    assert_eq!((behind.tokens, behind.refilled_at), (5, at(0)));
}

/// The fate of a token that is taken.
#[derive(Clone, Copy, Debug)]
struct Taking {
    /// The time in seconds that has passed before.
    pause: i64,
    /// The time after which the token is given back, if it is. An action takes much less than an interval.
    returned_after: Option<i64>,
}

fn taking() -> impl Strategy<Value = Taking> {
    let pause = prop_oneof![3 => 0_i64..2, 2 => 0_i64..70, 1 => 0_i64..400];
    let returned_after = prop_oneof![Just(None), (0_i64..60).prop_map(Some)];
    (pause, returned_after).prop_map(|(pause, returned_after)| Taking {
        pause,
        returned_after,
    })
}

/// Tokens that are given back late, and in any order, leave those that are kept within the bound. Each that is given back leaves
/// one to take.
#[test]
fn p15_tokens_that_were_given_back_gain_nothing() {
    let takings = prop::collection::vec(taking(), 1..80);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(2000)
    });
    let result = runner.run(&takings, |takings| {
        let (mut bucket, mut now) = (BucketState::full(LIMIT, at(0)), 0);
        let mut kept = vec![];
        let mut outstanding: Vec<i64> = vec![];
        for taking in takings {
            now += taking.pause;
            outstanding.sort_unstable();
            let due = outstanding.partition_point(|due| *due <= now);
            for due in outstanding.drain(..due) {
                let refilled = bucket.clone().refilled(LIMIT, at(due));
                if let Some(returned) = refilled.returned(LIMIT, at(due)) {
                    bucket = returned;
                }
                let left = bucket.clone().refilled(LIMIT, at(due)).tokens;
                prop_assert!((1..=LIMIT.capacity).contains(&left));
            }
            let Some(consumed) = bucket.clone().refilled(LIMIT, at(now)).consumed() else {
                continue;
            };
            bucket = consumed;
            match taking.returned_after {
                Some(after) => outstanding.push(now + after),
                None => kept.push(now),
            }
        }
        for (first, from) in kept.iter().enumerate() {
            for (count, until) in (1_i64..).zip(&kept[first..]) {
                let bound = 5 + (until - from) / 60;
                prop_assert!(count <= bound, "{count} from {from} s to {until} s");
            }
        }
        Ok(())
    });
    result.unwrap();
    promise::report(
        "P15",
        "2000 histories of tokens that were taken, kept and given back",
    );
}

const HOUR: i64 = 60 * 60;

/// Takes tokens while there are any, and returns how many there were.
fn take_all(stored: &mut BucketState, limit: RateLimit, now: UnixTime) -> u32 {
    let mut taken = 0;
    while let Some(consumed) = stored.clone().refilled(limit, now).consumed() {
        *stored = consumed;
        taken += 1;
    }
    taken
}

#[test]
fn a_bucket_is_set_back_only_if_it_is_more_than_an_hour_ahead() {
    let ahead = || BucketState::empty(at(10 * HOUR));
    let kept = ahead().refilled(LIMIT, at(9 * HOUR));
    assert_eq!((kept.tokens, kept.refilled_at), (0, at(10 * HOUR)));
    let set_back = ahead().refilled(LIMIT, at(9 * HOUR - 1));
    assert_eq!(
        (set_back.tokens, set_back.refilled_at),
        (1, at(9 * HOUR - 1 + 60)),
        "one token is lent, and the next comes back after two intervals"
    );
}

#[test]
fn each_visit_to_a_clock_that_was_ten_days_ahead_is_undone() {
    let days = |days: i64| days * 24 * HOUR;
    let mut stored = BucketState::full(LIMIT, at(0));
    take_all(&mut stored, LIMIT, at(0));
    for hours in [0, 2, 4] {
        assert_eq!(take_all(&mut stored, LIMIT, at(days(10) + hours * HOUR)), 5);
    }
    assert_eq!(
        take_all(&mut stored, LIMIT, at(6 * HOUR)),
        1,
        "the clock was corrected"
    );
    let paid = at(6 * HOUR + 60 * (15 - 5 + 1));
    assert_eq!(stored.refilled_at, paid, "15 were taken ahead, 5 were left");
    assert_eq!(take_all(&mut stored, LIMIT, at(days(1))), 5);
}

#[test]
fn a_bucket_of_an_earlier_version_is_set_back_too() {
    let stored = format!(r#"{{"tokens":0,"refilled_at":{}}}"#, 864_000_000);
    let stored: BucketState = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored.refilled(LIMIT, at(0)).tokens, 1);
}

#[test]
fn servers_in_two_time_zones_gain_nothing_from_each_other() {
    let mut stored = BucketState::full(LIMIT, at(2 * HOUR));
    let mut taken = 0;
    for _ in 0..1_000 {
        taken += take_all(&mut stored, LIMIT, at(2 * HOUR));
        taken += take_all(&mut stored, LIMIT, at(0));
    }
    assert!(taken <= 5 + 2 * 60, "{taken}");
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

/// Up to three servers.
const SERVERS: usize = 3;

/// The largest deviations of their clocks, in milliseconds. With the first two no clock is an hour ahead of another.
const SKEWS: [i64; 6] = [
    90_000,
    HOUR * 500,
    HOUR * 501,
    HOUR * 700,
    HOUR * 3_000,
    HOUR * 240_000,
];

/// One attempt: the time since the previous one, the server, and the current deviation of that server's clock, as a
/// part of the largest one.
type Attempt = (i64, usize, f64);

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let later = prop_oneof![
        6 => 0_i64..2_000,
        2 => 0_i64..70_000,
        1 => Just(Model::INTERVAL),
        1 => 0_i64..1_000_000,
        1 => 0_i64..30_000_000,
    ];
    // Clocks deviate, step and drift.
    let off = prop_oneof![Just(-1.0), Just(0.0), Just(1.0), -1.0..=1.0];
    prop::collection::vec((later, 0..SERVERS, off), 1..60)
}

/// Sends the attempts to one bucket and asserts that it keeps the protocol's bound and, while no clock is more than an
/// hour ahead of another, agrees with the model.
fn walk(limit: RateLimit, skew: i64, attempts: &[Attempt]) -> Result<(), TestCaseError> {
    let start = 1_780_000_000_000;
    let (mut real, mut stored) = (start, None::<BucketState>);
    let mut model = Model {
        level: Model::CAPACITY * Model::INTERVAL,
        seen: i64::MIN / 2,
    };
    let is_modelled = limit == LIMIT && 2 * skew <= HOUR * 1_000;
    let mut off = [0; SERVERS];
    let mut passed: Vec<i64> = vec![];
    for &(later, server, now_off) in attempts {
        real += later;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a deviation in milliseconds is far smaller than 2^53"
        )]
        let now_off = (now_off * skew as f64) as i64;
        off[server] = now_off;
        let now = real + off[server];
        let clock = UnixTime::from_milliseconds(now);
        let state = match stored.clone() {
            None => BucketState::full(limit, clock),
            Some(state) => state.refilled(limit, clock),
        };
        let consumed = state.consumed();
        if is_modelled {
            prop_assert_eq!(consumed.is_some(), model.lets_through(now));
        }
        if let Some(consumed) = consumed {
            prop_assert!(consumed.leaps.len() <= LEAPS);
            stored = Some(consumed);
            passed.push(real);
        }
    }
    let interval = i64::try_from(limit.interval.as_millis()).unwrap();
    for (first, from) in passed.iter().enumerate() {
        for (last, to) in passed.iter().enumerate().skip(first) {
            let most = i64::from(limit.capacity) + (to - from + 2 * skew) / interval;
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
    let walks = Effort::requested().cases(9_000, 200_000, 4_000_000);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(walks)
    });
    // With longer intervals the bound is so low that a token gained twice breaks it.
    let limits = [60, 30 * 60, 10 * 60].map(|seconds| RateLimit {
        interval: Duration::from_secs(seconds),
        ..LIMIT
    });
    let cases = (
        prop::sample::select(limits.to_vec()),
        prop::sample::select(SKEWS.to_vec()),
        attempts(),
    );
    let result = runner.run(&cases, |(limit, skew, attempts)| {
        walk(limit, skew, &attempts)
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    promise::report(
        "P13",
        format_args!("{walks} walks of {SERVERS} clocks, up to ten days apart, 0 above the bound"),
    );
}
