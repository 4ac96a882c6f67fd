//! Budgets, by a clock that is moved.

use super::*;

fn limit(options: IpRateLimitOptions) -> (IpRateLimit<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let limit = IpRateLimit::with_clock(options, clock.clone());
    (limit.unwrap(), clock)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn budget(capacity: u32, interval: Duration) -> RateLimit {
    RateLimit { capacity, interval }
}

#[test]
fn a_budget_comes_back_one_by_one_and_the_wait_is_exact() {
    let (limit, clock) = limit(IpRateLimitOptions::default());
    let client = address("192.0.2.1");
    for _ in 0..200 {
        assert_eq!(limit.check_attempt(client), Ok(()));
    }
    let seconds = |seconds| {
        Err(TooManyRequests {
            retry_after: Duration::from_secs(seconds),
        })
    };
    assert_eq!(limit.check_attempt(client), seconds(30));
    clock.advance(Duration::from_secs(29));
    // What was refused has used up nothing.
    assert_eq!(limit.check_attempt(client), seconds(1));
    clock.advance(Duration::from_secs(1));
    assert_eq!(limit.check_attempt(client), Ok(()));
    assert_eq!(limit.check_attempt(client), seconds(30));
    // A full budget banks nothing.
    clock.advance(Duration::from_secs(1_000_000));
    let passed = std::iter::repeat_with(|| limit.check_attempt(client));
    assert_eq!(passed.take_while(Result::is_ok).count(), 200);
}

#[test]
fn attempts_and_requests_are_two_budgets_of_each_client() {
    let (limit, _clock) = limit(IpRateLimitOptions {
        attempts: budget(1, Duration::from_secs(1)),
        requests: budget(2, Duration::from_secs(1)),
        ..IpRateLimitOptions::default()
    });
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
        let client = address(client);
        assert!(limit.check_attempt(client).is_ok());
        assert!(limit.check_attempt(client).is_err());
        assert!(limit.check_request(client).is_ok());
        assert!(limit.check_request(client).is_ok());
        assert!(limit.check_request(client).is_err());
    }
    for known in ["::ffff:192.0.2.1", "2001:db8::2"] {
        assert!(limit.clone().check_attempt(address(known)).is_err());
    }
}

#[test]
fn a_budget_is_exact_however_many_ask_at_once() {
    let (limit, _clock) = limit(IpRateLimitOptions::default());
    let client = address("192.0.2.1");
    let attempt = |_: &i32| limit.check_attempt(client).is_ok();
    let hundred = || (0..100).filter(attempt).count();
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(hundred)).collect();
        let counts = threads.into_iter().map(|thread| thread.join().unwrap());
        counts.sum()
    });
    assert_eq!(passed, 200);
}

#[test]
fn what_cannot_be_told_from_the_header_counts_for_the_connection() {
    let proxy = address("10.0.0.1");
    let mut headers = HeaderMap::new();
    let mut seen = |line: &'static str, trusted_proxies| {
        headers.insert("x-forwarded-for", line.parse().unwrap());
        let (limit, _clock) = limit(IpRateLimitOptions {
            trusted_proxies,
            ..IpRateLimitOptions::default()
        });
        limit.client_address(proxy, &headers).to_string()
    };
    assert_eq!(seen("192.0.2.2, 192.0.2.1", 0), "10.0.0.1");
    assert_eq!(seen("192.0.2.2, 192.0.2.1", 1), "192.0.2.1");
    assert_eq!(seen("192.0.2.2, 192.0.2.1", 2), "192.0.2.2");
    assert_eq!(seen("192.0.2.2, 192.0.2.1", 3), "10.0.0.1");
    assert_eq!(seen("192.0.2.2, unknown", 1), "10.0.0.1");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let second = Duration::from_secs(1);
    let valid = IpRateLimitOptions {
        attempts: budget(100_000, Duration::from_secs(86_400)),
        requests: budget(1, Duration::from_millis(1)),
        trusted_proxies: 16,
    };
    let (limit, _clock) = limit(valid.clone());
    assert!(limit.check_attempt(address("192.0.2.1")).is_ok());
    for budget in [
        budget(0, second),
        budget(100_001, second),
        budget(1, Duration::ZERO),
        budget(1, Duration::from_micros(999)),
        budget(1, Duration::from_secs(86_401)),
        budget(1, Duration::MAX),
    ] {
        let attempts = IpRateLimitOptions {
            attempts: budget,
            ..valid.clone()
        };
        let requests = IpRateLimitOptions {
            requests: budget,
            ..valid.clone()
        };
        assert_eq!(
            IpRateLimit::new(attempts).unwrap_err(),
            InvalidIpRateLimitOptions::Attempts
        );
        assert_eq!(
            IpRateLimit::new(requests).unwrap_err().to_string(),
            "requests: a capacity is from 1 to 100000, and an interval from a millisecond to a day"
        );
    }
    let too_far = IpRateLimitOptions {
        trusted_proxies: 17,
        ..valid
    };
    assert_eq!(
        IpRateLimit::new(too_far).unwrap_err().to_string(),
        "trusted_proxies: at most 16"
    );
}
