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

/// A connection that was checked this recently is used without another check.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The longest wait for the answer to a check. A server that was silent while the connection was idle leaves time to connect
/// again.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

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
///
/// Before a call uses a connection that was not checked for a second, a deletion of a key that does not exist shows that it
/// works and that its server takes writes; the nodes of a cluster are pinged. If not, the call connects again, by name. So a
/// connection that was closed while idle costs nothing, and no answer comes from a server that became a replica more than a
/// second ago.
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
    /// The time of the last check of the connection.
    checked: Option<Instant>,
}

impl Current {
    /// The connection, and its generation.
    fn connection(&self) -> Option<(Connection, u64)> {
        Some((self.connection.clone()?, self.generation))
    }

    fn is_fresh(&self) -> bool {
        self.checked
            .is_some_and(|checked| checked.elapsed() < CHECK_INTERVAL)
    }
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
    /// When the URL is invalid, the server does not answer, refuses the password or is a replica, or the URL names a cluster and
    /// the server is none, or the reverse. The error contains neither the URL nor the password.
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
            Err::<_, Failure>(failure) if failure.may_pass() => {
                Err(AdapterError::unavailable("connect to Redis", failure))
            }
            Err(failure) => Err(AdapterError::new("connect to Redis", failure)),
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

    /// Sends a command that may change something. It is sent once more only if a server has refused it because another one
    /// takes writes.
    pub(crate) async fn write(&self, command: &Cmd) -> Result<Value, Failure> {
        let is_unchanged = Failure::is_elsewhere;
        self.shared.send_twice_if(command, is_unchanged).await
    }

    /// Sends a command that changes nothing. If the connection is broken, it is sent once more over a new one.
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
            (false, false) => {
                self.connect().await?;
                Ok(EvictionPolicy::read(&answer))
            }
            (true, true) => Ok(EvictionPolicy::read(&self.read(&information).await?)),
        }
    }

    async fn read(&self, command: &Cmd) -> Result<Value, Failure> {
        let is_broken = |failure: &Failure| {
            matches!(failure, Failure::Disconnected(_)) || failure.is_elsewhere()
        };
        self.send_twice_if(command, is_broken).await
    }

    /// Sends a command, and once more over a new connection after a failure that allows it.
    async fn send_twice_if(
        &self,
        command: &Cmd,
        allows: impl FnOnce(&Failure) -> bool,
    ) -> Result<Value, Failure> {
        let begun = Instant::now();
        match self.send(command).await {
            Err(failure) if allows(&failure) => {
                let left = CALL_TIMEOUT.saturating_sub(begun.elapsed());
                let answer = timeout(left, Box::pin(self.send(command))).await;
                answer.unwrap_or(Err(Failure::TimedOut))
            }
            answer => answer,
        }
    }

    /// Sends a command. Connecting and answering each have a timeout.
    async fn send(&self, command: &Cmd) -> Result<Value, Failure> {
        let (mut connection, generation) = match self.fresh() {
            Some(fresh) => fresh,
            None => Box::pin(self.connect()).await?,
        };
        let answer = connection.send(command).await;
        if answer.as_ref().is_err_and(Failure::ends_connection) {
            self.give_up(generation);
        }
        answer
    }

    /// The current connection, if it was checked recently.
    fn fresh(&self) -> Option<(Connection, u64)> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.connection().filter(|_| current.is_fresh())
    }

    /// Checks the current connection, or connects. Concurrent calls wait for the same connection.
    async fn connect(&self) -> Result<(Connection, u64), Failure> {
        let connect = async {
            let _connecting = self.connecting.lock().await;
            if let Some(fresh) = self.fresh() {
                return Ok(fresh);
            }
            if let Some(checked) = self.check().await {
                return Ok(checked);
            }
            let mut connection = self.target.connect().await?;
            connection.check_new(&self.check_key()).await?;
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            current.connection = Some(connection.clone());
            current.generation += 1;
            current.checked = Some(Instant::now());
            Ok((connection, current.generation))
        };
        let in_time = timeout(CONNECT_TIMEOUT, connect).await;
        in_time.unwrap_or(Err(Failure::TimedOut))
    }

    /// Checks the current connection. `None` if there is none, or it must not be used any more.
    async fn check(&self) -> Option<(Connection, u64)> {
        let current = || self.current.read().unwrap_or_else(PoisonError::into_inner);
        let (mut connection, generation) = current().connection()?;
        let begun = Instant::now();
        let key = self.check_key();
        let checked = timeout(CHECK_TIMEOUT, connection.check(&key)).await;
        if !matches!(checked, Ok(Ok(()))) {
            self.give_up(generation);
            return None;
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // A call may have given it up meanwhile.
        let current = (current.generation == generation).then_some(&mut *current)?;
        current.checked = Some(begun);
        current.connection()
    }

    /// A key that does not exist.
    fn check_key(&self) -> String {
        format!("{}check", self.options.key_prefix)
    }

    /// Drops this connection, unless it has been replaced.
    fn give_up(&self, generation: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation == generation {
            current.connection = None;
        }
    }
}
