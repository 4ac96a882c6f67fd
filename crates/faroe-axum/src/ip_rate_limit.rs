//! Limits per client address.
//!
//! The protocol's limits count per user, email address and flow, across all servers. They do not stop an attacker who tries
//! one password on each of thousands of users or keeps the server busy. [`IpRateLimit`] does, per client address.

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
/// The clocks of [`IpRateLimit::with_clock`]: any [`Clock`], such as a [`FakeRelativeClock`] in tests.
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

/// The number of addresses for which each budget has memory: 2 MiB.
const ADDRESSES: usize = 65_536;

const MAX_TRUSTED_PROXIES: usize = 16;
const MAX_CAPACITY: u32 = 100_000;
const MIN_INTERVAL: Duration = Duration::from_millis(1);
const MAX_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The budgets of each client address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpRateLimitOptions {
    /// Attempts: actions that guess a secret, send an email, hash a new password or reveal which addresses have an account.
    /// Default: 200, and one more every 30 seconds.
    ///
    /// A sign-in takes two attempts, a sign-up or a password reset three. A hundred people behind one address can therefore
    /// sign in within the same minute, and sixty more each hour, while an attacker has 3,080 guesses on the first day instead
    /// of as many as the server can hash.
    pub attempts: RateLimit,
    /// Requests of any kind. Default: 500, and one more every 20 milliseconds. Hundreds of people who click through a site
    /// stay below these 50 a second, which are little load for a server.
    pub requests: RateLimit,
    /// The number of trusted reverse proxies in front of the server, each of which appends its client's address to
    /// `X-Forwarded-For`. At most 16. Default: 0.
    ///
    /// With 0, the client is the peer of the connection, and headers are ignored. With N, it is the N-th entry of the header
    /// from the right, written by the outermost proxy; entries that a client sends are further left. **Only the proxies may be
    /// able to connect then**: any other peer could forge the entry. If the entry is missing or is not an address, the request
    /// counts for the proxy's own address; the first such request is a warning in the log.
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
    /// Checks the options.
    ///
    /// # Errors
    ///
    /// Returns an error for a budget or a number of proxies outside its range.
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
/// An address has two token buckets of the sizes in [`IpRateLimitOptions`]: one of attempts, one of requests. A refused call
/// uses up nothing. IPv6 addresses with the same first 64 bits share one budget, and an IPv4 address is the same in IPv6
/// notation.
///
/// It can be used in three ways, also at the same time:
///
/// - as the [guard](crate::endpoint::ActionInvocationEndpoint::guarded_by) of an endpoint, it counts attempts. Beyond the
///   budget, an action answers `rate_limited` if that is one of its error codes; otherwise the response is a 429;
/// - as a layer of any router, it counts requests ([`IpRateLimit::requests_layer`]) or attempts
///   ([`IpRateLimit::attempts_layer`]). Beyond the budget, the response is a 429 and the body is not read;
/// - a handler calls [`IpRateLimit::check_attempt`] and [`IpRateLimit::check_request`] itself.
///
/// Guard and layers read the peer's address from `ConnectInfo<SocketAddr>`, which axum's
/// `into_make_service_with_connect_info` adds to each request. Without it, a request that would be counted gets a 500.
///
/// # Bounds
///
/// Memory is allocated once, 4 MiB for 65,536 addresses at a time. When it is full, a new address takes over the slot of an
/// address that has used little, and starts with that use. An attacker therefore never gets more than one budget per
/// address, however many other addresses they flood the server from, and all addresses together never get more than 65,536.
/// A client that owns several networks, a whole /48 for example, has as many budgets.
///
/// Budgets belong to one process: several servers multiply them, and a restart fills them.
///
/// # Concurrency
///
/// Called from many tasks at once. Budgets are exact, and no call blocks for long.
pub struct IpRateLimit<C: Clock = MonotonicClock> {
    inner: Arc<Inner<C>>,
}

struct Inner<C: Clock> {
    attempts: Buckets<C>,
    requests: Buckets<C>,
    options: IpRateLimitOptions,
    /// True once the warning about a request that bypassed the proxies was logged.
    has_warned: AtomicBool,
}

type Buckets<C> = RateLimiter<Ipv6Addr, Slots, C, NoOpMiddleware<<C as Clock>::Instant>>;

impl IpRateLimit {
    /// Creates full budgets for every address.
    ///
    /// # Errors
    ///
    /// Returns an error for a budget or a number of proxies outside its range.
    pub fn new(options: IpRateLimitOptions) -> Result<Self, InvalidIpRateLimitOptions> {
        Self::with_clock(options, MonotonicClock)
    }
}

impl<C: Clock> IpRateLimit<C> {
    /// Creates full budgets that use this clock. A test advances a [`FakeRelativeClock`].
    ///
    /// # Errors
    ///
    /// Returns an error for a budget or a number of proxies outside its range.
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

    /// Consumes one attempt of this address.
    ///
    /// # Errors
    ///
    /// Returns an error if none is left.
    pub fn check_attempt(&self, address: IpAddr) -> Result<(), TooManyRequests> {
        check(&self.inner.attempts, address)
    }

    /// Consumes one request of this address.
    ///
    /// # Errors
    ///
    /// Returns an error if none is left.
    pub fn check_request(&self, address: IpAddr) -> Result<(), TooManyRequests> {
        check(&self.inner.requests, address)
    }

    /// Returns the address that a request counts for: the client's according to the trusted proxies, or the peer's.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted_proxies = self.inner.options.trusted_proxies;
        if trusted_proxies == 0 {
            return peer;
        }
        let forwarded_for = forwarded_for(headers, trusted_proxies);
        if forwarded_for.is_none() && !self.inner.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                trusted_proxies,
                "no client address in X-Forwarded-For; the request counts for its peer's address"
            );
        }
        forwarded_for.unwrap_or(peer)
    }

    /// Returns the same for a request whose extensions hold the peer's address.
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

    /// Returns a layer that counts requests.
    pub fn requests_layer(&self) -> IpRateLimitLayer<C> {
        IpRateLimitLayer::new(self, Budget::Requests)
    }

    /// Returns a layer that counts attempts, for the routes of an app's own forms: sign-in, sign-up, forgotten password. GET
    /// and HEAD, which show the form, do not count.
    pub fn attempts_layer(&self) -> IpRateLimitLayer<C> {
        IpRateLimitLayer::new(self, Budget::Attempts)
    }
}

/// Creates full buckets of a checked size.
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

/// The option that is outside its range.
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

/// A request without its peer's address, a mistake in the app. As a response it is a 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoClientAddress;

impl fmt::Display for NoClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no peer address; serve the app with `into_make_service_with_connect_info::<SocketAddr>()`",
        )
    }
}

impl Error for NoClientAddress {}

impl IntoResponse for NoClientAddress {
    fn into_response(self) -> Response {
        tracing::error!("request not limited: {self}");
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{self}\n")).into_response()
    }
}

#[cfg(test)]
mod tests;
