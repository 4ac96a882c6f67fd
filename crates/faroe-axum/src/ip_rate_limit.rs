//! How much each client address may do.
//!
//! The limits of the protocol count per user, address and flow, on all servers together. They do not stop a stranger who
//! tries one password on each of thousands of users, or who keeps the server busy. [`IpRateLimit`] does, per client address.

mod client_address;
mod layer;
mod slots;

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    extract::connect_info::{ConnectInfo, MockConnectInfo},
    http::{Extensions, HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use faroe_core::RateLimit;
/// What tells the time here: any [`Clock`], among them a [`FakeRelativeClock`] for tests.
#[doc(no_inline)]
pub use governor::clock::{Clock, FakeRelativeClock, MonotonicClock};
use governor::{Quota, RateLimiter, middleware::NoOpMiddleware};

pub use self::layer::{IpRateLimitLayer, IpRateLimitService};
use self::{
    client_address::{forwarded_for, network},
    layer::Budget,
    slots::Slots,
};
use crate::{
    TooManyRequests,
    actions::is_attempt,
    endpoint::{InvocationGuard, Refusal},
};

/// For how many addresses each budget has memory: 2 MiB.
const ADDRESSES: usize = 65_536;

const MAX_TRUSTED_PROXIES: usize = 16;
const MAX_CAPACITY: u32 = 100_000;
const MIN_INTERVAL: Duration = Duration::from_millis(1);
const MAX_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// What each client address may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpRateLimitOptions {
    /// Attempts: actions that guess a secret, send an email, hash a new password or tell who has an account. By default 200,
    /// and one more every 30 seconds.
    ///
    /// A sign-in is two of them, a sign-up or a password reset three. So a hundred people behind one address can sign in
    /// within the same minute, and sixty more each hour, while a stranger has 3,080 guesses on the first day instead of as
    /// many as the server can hash.
    pub attempts: RateLimit,
    /// Requests of any kind. By default 500, and one more every 20 milliseconds: 50 a second, which hundreds of people who
    /// click their way through a site do not use up, and which is no load for a server.
    pub requests: RateLimit,
    /// How many proxies stand between clients and this server, each of which appends the address that it was asked from to
    /// `X-Forwarded-For`, as they all can; at most 16, and by default none.
    ///
    /// With none the client is whoever has made the connection, and headers do not matter. With N it is the N-th entry of the
    /// header from the right, which the outermost of these proxies has written: what a client sends in it is further left.
    /// **Nobody but the proxies may be able to connect then**, or he writes what he likes. Where the entry is missing or no
    /// address, the request counts for the proxy's own address; the first time, that is a warning in the log.
    pub trusted_proxies: usize,
}

impl Default for IpRateLimitOptions {
    fn default() -> Self {
        Self {
            attempts: RateLimit {
                capacity: 200,
                interval: Duration::from_secs(30),
            },
            requests: RateLimit {
                capacity: 500,
                interval: Duration::from_millis(20),
            },
            trusted_proxies: 0,
        }
    }
}

impl IpRateLimitOptions {
    /// Whether there can be a limit with these options.
    ///
    /// # Errors
    ///
    /// A budget or a number of proxies that makes no sense.
    pub fn check(&self) -> Result<(), InvalidIpRateLimitOptions> {
        let is_sane = |limit: RateLimit| {
            (1..=MAX_CAPACITY).contains(&limit.capacity)
                && (MIN_INTERVAL..=MAX_INTERVAL).contains(&limit.interval)
        };
        if !is_sane(self.attempts) {
            return Err(InvalidIpRateLimitOptions::Attempts);
        }
        if !is_sane(self.requests) {
            return Err(InvalidIpRateLimitOptions::Requests);
        }
        if self.trusted_proxies > MAX_TRUSTED_PROXIES {
            return Err(InvalidIpRateLimitOptions::TrustedProxies);
        }
        Ok(())
    }
}

/// The budgets of all client addresses. Cheap to clone; clones share them.
///
/// # Contract
///
/// An address has two budgets, token buckets of the sizes in [`IpRateLimitOptions`]: one of attempts, one of requests. What
/// was refused uses up nothing. All IPv6 addresses with the same first 64 bits are one, and an IPv4 address is the same in
/// IPv6's notation.
///
/// It is used in three ways, all at once if you like:
///
/// - as the [guard](crate::endpoint::ActionInvocationEndpoint::guarded_by) of an endpoint it counts attempts. Beyond the
///   budget an action answers `rate_limited` if that is among its error codes, and else the answer is a 429;
/// - as a layer of any router it counts requests as such, by [`IpRateLimit::requests_layer`], or as attempts, by
///   [`IpRateLimit::attempts_layer`]. Beyond the budget the answer is a 429, and the request's body is not read;
/// - with [`IpRateLimit::check_attempt`] and [`IpRateLimit::check_request`] a handler asks by itself.
///
/// Guard and layers find the connection's address in `ConnectInfo<SocketAddr>`, which axum's
/// `into_make_service_with_connect_info` puts into each request. Without it what would be counted is answered with a 500.
///
/// # What is bounded
///
/// Memory is taken once, 4 MiB for 65,536 addresses at a time. When all of it is in use, an address that is new takes the place
/// of one that has used little, and starts with as much used. So nobody ever gets more than one budget, however many other
/// addresses he floods the server from before he comes back, and all addresses together never get more than 65,536. A client
/// that is given more than one network, a whole /48 for example, has as many budgets.
///
/// Budgets are this process's: several servers give as many times as much, and a restart fills them.
///
/// # Concurrency
///
/// Called from many tasks at once; budgets are exact all the same. A call never waits for long.
pub struct IpRateLimit<C: Clock = MonotonicClock> {
    inner: Arc<Inner<C>>,
}

struct Inner<C: Clock> {
    attempts: Buckets<C>,
    requests: Buckets<C>,
    options: IpRateLimitOptions,
    /// Whether it was said that a request did not come through the proxies.
    has_warned: AtomicBool,
}

type Buckets<C> = RateLimiter<Ipv6Addr, Slots, C, NoOpMiddleware<<C as Clock>::Instant>>;

impl IpRateLimit {
    /// Full budgets for everyone.
    ///
    /// # Errors
    ///
    /// A budget or a number of proxies that makes no sense.
    pub fn new(options: IpRateLimitOptions) -> Result<Self, InvalidIpRateLimitOptions> {
        Self::with_clock(options, MonotonicClock)
    }
}

impl<C: Clock> IpRateLimit<C> {
    /// Full budgets for everyone, by a clock of yours: a test moves a [`FakeRelativeClock`].
    ///
    /// # Errors
    ///
    /// A budget or a number of proxies that makes no sense.
    pub fn with_clock(
        options: IpRateLimitOptions,
        clock: C,
    ) -> Result<Self, InvalidIpRateLimitOptions>
    where
        C: Clone,
    {
        options.check()?;
        let inner = Inner {
            attempts: buckets(options.attempts, clock.clone()),
            requests: buckets(options.requests, clock),
            options,
            has_warned: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Uses up one attempt of this address.
    ///
    /// # Errors
    ///
    /// There is none left.
    pub fn check_attempt(&self, address: IpAddr) -> Result<(), TooManyRequests> {
        check(&self.inner.attempts, address)
    }

    /// Uses up one request of this address.
    ///
    /// # Errors
    ///
    /// There is none left.
    pub fn check_request(&self, address: IpAddr) -> Result<(), TooManyRequests> {
        check(&self.inner.requests, address)
    }

    /// Whom a request counts for: the client as far as the trusted proxies tell, or else who has made the connection.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted_proxies = self.inner.options.trusted_proxies;
        if trusted_proxies == 0 {
            return peer;
        }
        let forwarded_for = forwarded_for(headers, trusted_proxies);
        if forwarded_for.is_none() && !self.inner.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                trusted_proxies,
                "a request has no address in X-Forwarded-For where the trusted proxies would have put it; such requests \
                 count for the address that has made the connection"
            );
        }
        forwarded_for.unwrap_or(peer)
    }

    /// The same for a request that carries who has made the connection.
    fn client_of(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Result<IpAddr, NoClientAddress> {
        let connected = extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = match (connected, extensions.get::<MockConnectInfo<SocketAddr>>()) {
            (Some(ConnectInfo(peer)), _) | (None, Some(MockConnectInfo(peer))) => peer.ip(),
            (None, None) => return Err(NoClientAddress),
        };
        Ok(self.client_address(peer, headers))
    }

    /// The layer that counts each request as a request.
    pub fn requests_layer(&self) -> IpRateLimitLayer<C> {
        IpRateLimitLayer::new(self, Budget::Requests)
    }

    /// The layer that counts each request as an attempt too, for the routes of an app's own forms: sign-in, sign-up,
    /// forgotten password. Requests with GET and HEAD, which show the form, do not count.
    pub fn attempts_layer(&self) -> IpRateLimitLayer<C> {
        IpRateLimitLayer::new(self, Budget::Attempts)
    }
}

/// Full buckets, of a size that was checked.
fn buckets<C: Clock>(limit: RateLimit, clock: C) -> Buckets<C> {
    let capacity = limit.capacity.try_into().expect("it is at least 1");
    let quota = Quota::with_period(limit.interval).expect("it is at least a millisecond");
    RateLimiter::new(quota.allow_burst(capacity), Slots::new(ADDRESSES), clock)
}

fn check<C: Clock>(buckets: &Buckets<C>, address: IpAddr) -> Result<(), TooManyRequests> {
    let checked = buckets.check_key(&network(address));
    checked.map_err(|until| TooManyRequests {
        retry_after: until.wait_time_from(buckets.clock().now()),
    })
}

#[async_trait]
impl<C: Clock + Send + Sync + 'static> InvocationGuard for IpRateLimit<C> {
    async fn check(&self, action: &str, parts: &Parts) -> Result<(), Refusal> {
        if !is_attempt(action) {
            return Ok(());
        }
        let address = self
            .client_of(&parts.extensions, &parts.headers)
            .map_err(IntoResponse::into_response)?;
        Ok(self.check_attempt(address)?)
    }
}

impl<C: Clock> Clone for IpRateLimit<C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

/// Shows no addresses.
impl<C: Clock> fmt::Debug for IpRateLimit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpRateLimit")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

/// Which of the options makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidIpRateLimitOptions {
    /// The budget of attempts.
    Attempts,
    /// The budget of requests.
    Requests,
    /// The number of trusted proxies.
    TrustedProxies,
}

impl fmt::Display for InvalidIpRateLimitOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budget = match self {
            Self::Attempts => "attempts",
            Self::Requests => "requests",
            Self::TrustedProxies => {
                return write!(f, "trusted_proxies: at most {MAX_TRUSTED_PROXIES}");
            }
        };
        write!(
            f,
            "{budget}: a capacity is from 1 to {MAX_CAPACITY}, and an interval from a millisecond to a day"
        )
    }
}

impl Error for InvalidIpRateLimitOptions {}

/// A request does not carry the address of its connection, which is a mistake of the app. As a response it is a 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoClientAddress;

impl fmt::Display for NoClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "nobody knows who asks: serve the app with `into_make_service_with_connect_info::<SocketAddr>()`",
        )
    }
}

impl Error for NoClientAddress {}

impl IntoResponse for NoClientAddress {
    fn into_response(self) -> Response {
        tracing::error!("a request cannot be limited: {self}");
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{self}\n")).into_response()
    }
}

#[cfg(test)]
mod tests;
