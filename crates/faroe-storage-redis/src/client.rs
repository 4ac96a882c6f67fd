//! The handle that the storages and the cache share.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use faroe_core::{
    error::AdapterError,
    time::{Clock, SystemClock, UnixTime},
};
use redis::{Cmd, Value};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    connection::Connection,
    eviction::{self, EvictionPolicy},
    failure::Failure,
    node::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT},
    target::Target,
};

/// The longest time of a call, with connecting.
const CALL_TIMEOUT: Duration = CONNECT_TIMEOUT.saturating_add(RESPONSE_TIMEOUT);

/// About 30,000 years. Redis refuses longer times, and must keep entries that live longer.
const LONGEST_LIFETIME: i64 = 1_000_000_000_000_000;

/// Options of a storage in Redis.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisOptions {
    /// The prefix of all keys; `faroe:` by default. Separate deployments that share a Redis need different prefixes.
    pub key_prefix: String,
    /// The time that Redis keeps an entry after its expiry; an hour by default. No live entry is lost if the clocks of the
    /// servers and of Redis differ or step by less than that.
    pub slack: Duration,
    /// The clock that lifetimes are counted from; the system's by default. It must be the server's.
    pub clock: Arc<dyn Clock>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            key_prefix: "faroe:".to_owned(),
            slack: Duration::from_secs(3600),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A Redis server or Redis Cluster, for any number of storages and caches.
///
/// One connection serves all calls at once; of a cluster, one for each node. When it breaks or times out, the calls that wait
/// for it fail, and the next call reconnects; one call at a time does so. Clones share the connection.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    options: RedisOptions,
    eviction_policy: EvictionPolicy,
    current: RwLock<Current>,
    /// Held by the one call that connects.
    connecting: Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// Number of connections made so far.
    generation: u64,
}

impl Redis {
    /// Connects by a URL, with the default options.
    ///
    /// # Errors
    ///
    /// As for [`Redis::connect_with`].
    pub async fn connect(url: &str) -> Result<Self, AdapterError> {
        Self::connect_with(url, RedisOptions::default()).await
    }

    /// Connects to `redis://user:password@host:port/database`, `rediss://…` (with TLS), `redis+unix:///path`,
    /// `redis+cluster://user:password@host:port,host:port` or `rediss+cluster://…`. Of a cluster, one of the nodes is
    /// enough to find the others.
    ///
    /// TLS trusts the certificates that the operating system trusts. If the process has no cryptography provider for rustls,
    /// this installs ring.
    ///
    /// # Errors
    ///
    /// When the URL is invalid, the server does not answer or refuses the password, or the URL names a cluster and the server is
    /// none, or the reverse. The error contains neither the URL nor the password.
    pub async fn connect_with(url: &str, options: RedisOptions) -> Result<Self, AdapterError> {
        let connect = async {
            let mut shared = Shared {
                target: Target::parse(url)?,
                options,
                eviction_policy: EvictionPolicy::Unknown,
                current: RwLock::default(),
                connecting: Mutex::default(),
            };
            shared.eviction_policy = shared.inspect().await?;
            Ok(shared)
        };
        match connect.await {
            Ok(shared) => Ok(Self {
                shared: Arc::new(shared),
            }),
            Err::<_, Failure>(failure) => Err(AdapterError::new("connect to Redis", failure)),
        }
    }

    /// The treatment of entries when Redis's memory is full, as read when connecting. A storage needs
    /// [`EvictionPolicy::NoEviction`].
    pub fn eviction_policy(&self) -> &EvictionPolicy {
        &self.shared.eviction_policy
    }

    pub(crate) fn warn_of_eviction(&self, role: &'static str) {
        if let Some(warning) = self.shared.eviction_policy.warning() {
            tracing::warn!(role, "{warning}");
        }
    }

    /// Sends a command that may change something. It is never sent again.
    pub(crate) async fn write(&self, command: &Cmd) -> Result<Value, Failure> {
        self.shared.send(command).await
    }

    /// Sends a command that changes nothing. If the connection is broken, it is sent once more over a new one, so a connection
    /// that was lost while idle fails no read.
    pub(crate) async fn read(&self, command: &Cmd) -> Result<Value, Failure> {
        self.shared.read(command).await
    }

    /// The key in Redis for a role's key.
    pub(crate) fn key(&self, role: &str, key: &str) -> String {
        format!("{}{role}:{key}", self.shared.options.key_prefix)
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.shared.options.clock.now()
    }

    /// The milliseconds that Redis keeps an entry for: a duration and not a time, because its clock may differ. An expired
    /// entry is kept as long as one that expires now.
    pub(crate) fn lifetime(&self, expires_at: UnixTime) -> i64 {
        let left = expires_at.saturating_since(self.now());
        milliseconds(left.saturating_add(self.shared.options.slack))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("is_cluster", &self.shared.target.is_cluster())
            .field("options", &self.shared.options)
            .field("eviction_policy", &self.shared.eviction_policy)
            .finish_non_exhaustive()
    }
}

/// A time to live as Redis takes it: in whole milliseconds, at least one.
pub(crate) fn milliseconds(lifetime: Duration) -> i64 {
    i64::try_from(lifetime.as_millis()).map_or(LONGEST_LIFETIME, |lifetime| {
        lifetime.clamp(1, LONGEST_LIFETIME)
    })
}

impl Shared {
    /// Checks that the server is what the URL says, and reads its eviction policy.
    async fn inspect(&self) -> Result<EvictionPolicy, Failure> {
        let information = redis::cmd("INFO");
        let mut node = self.target.connect_to_one_node().await?;
        let answer = match node.send(&information).await {
            Err(Failure::Refused(code)) if code != "NOAUTH" => {
                return Ok(EvictionPolicy::Unknown);
            }
            answer => answer?,
        };
        let is_cluster = eviction::field(&answer, "cluster_enabled").as_deref() == Some("1");
        match (self.target.is_cluster(), is_cluster) {
            (false, true) => Err(Failure::Settings(
                "the server is a node of a Redis Cluster; use a URL that starts with redis+cluster://",
            )),
            (true, false) => Err(Failure::Settings(
                "the server is not a node of a Redis Cluster; use a URL that starts with redis://",
            )),
            (false, false) => Ok(EvictionPolicy::read(&answer)),
            (true, true) => Ok(EvictionPolicy::read(&self.read(&information).await?)),
        }
    }

    async fn read(&self, command: &Cmd) -> Result<Value, Failure> {
        let begun = Instant::now();
        match self.send(command).await {
            Err(Failure::Disconnected(_)) => {
                let left = CALL_TIMEOUT.saturating_sub(begun.elapsed());
                let answer = timeout(left, Box::pin(self.send(command))).await;
                answer.unwrap_or(Err(Failure::TimedOut))
            }
            answer => answer,
        }
    }

    /// Sends a command. Connecting and answering each have a timeout.
    async fn send(&self, command: &Cmd) -> Result<Value, Failure> {
        let (mut connection, generation) = match self.current() {
            Some(current) => current,
            None => Box::pin(self.connect()).await?,
        };
        let answer = connection.send(command).await;
        if answer.as_ref().is_err_and(|failure| !failure.is_answer()) {
            self.give_up(generation);
        }
        answer
    }

    /// The current connection.
    fn current(&self) -> Option<(Connection, u64)> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let connection = current.connection.clone()?;
        Some((connection, current.generation))
    }

    /// Connects. Concurrent calls wait for the same connection.
    async fn connect(&self) -> Result<(Connection, u64), Failure> {
        let connect = async {
            let _connecting = self.connecting.lock().await;
            if let Some(current) = self.current() {
                return Ok(current);
            }
            let connection = self.target.connect().await?;
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            current.connection = Some(connection.clone());
            current.generation += 1;
            Ok((connection, current.generation))
        };
        let in_time = timeout(CONNECT_TIMEOUT, connect).await;
        in_time.unwrap_or(Err(Failure::TimedOut))
    }

    /// Drops this connection, unless it has been replaced.
    fn give_up(&self, generation: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation == generation {
            current.connection = None;
        }
    }
}
