//! The server under test, and a look into it that does not go through the storages.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use faroe_core::time::UnixTime;
use faroe_storage_redis::{Redis, RedisOptions};
use faroe_testkit::clock::ManualClock;
use redis::{Client, Cmd, FromRedisValue, cluster::ClusterClient};

pub(crate) const SLACK: Duration = Duration::from_secs(600);

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) prefix: String,
    pub(crate) clock: Arc<ManualClock>,
}

impl Server {
    pub(crate) fn new(url: String) -> Self {
        let random = RandomState::new().build_hasher().finish();
        Self {
            url,
            prefix: format!("faroe-test-{random:016x}:"),
            clock: Arc::default(),
        }
    }

    pub(crate) async fn connect(&self) -> Redis {
        self.connect_to(&self.url).await
    }

    pub(crate) async fn connect_to(&self, url: &str) -> Redis {
        Redis::connect_with(url, self.options()).await.unwrap()
    }

    pub(crate) fn options(&self) -> RedisOptions {
        let mut options = RedisOptions::default();
        options.key_prefix = self.prefix.clone();
        options.slack = SLACK;
        options.clock = self.clock.clone();
        options
    }

    /// The time by the manual clock that is this much later.
    pub(crate) fn after(&self, duration: Duration) -> UnixTime {
        use faroe_core::time::Clock;
        self.clock.now().saturating_add(duration)
    }

    /// The content of a role's key, which is given without the prefix.
    pub(crate) fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.query(redis::cmd("GET").arg(self.key(key)))
    }

    pub(crate) fn set_content(&self, key: &str, content: &[u8]) {
        let lifetime = 60;
        let key = self.key(key);
        self.query::<()>(
            redis::cmd("SET")
                .arg(key)
                .arg(content)
                .arg("EX")
                .arg(lifetime),
        );
    }

    /// Asserts that Redis will keep the key for this long, but for what the test itself takes.
    #[track_caller]
    pub(crate) fn assert_lifetime(&self, key: &str, expected: Duration) {
        let found: i64 = self.query(redis::cmd("PTTL").arg(self.key(key)));
        let found = Duration::from_millis(found.try_into().expect("the key has a lifetime"));
        let tolerance = Duration::from_secs(30);
        assert!(
            found <= expected && found + tolerance > expected,
            "{found:?} for {expected:?}"
        );
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn query<T: FromRedisValue>(&self, command: &Cmd) -> T {
        if let Some(nodes) = self.url.strip_prefix("redis+cluster://") {
            let nodes = nodes.split(',').map(|node| format!("redis://{node}"));
            let client = ClusterClient::new(nodes).unwrap();
            return command
                .query(&mut client.get_connection().unwrap())
                .unwrap();
        }
        let client = Client::open(self.url.as_str()).unwrap();
        command
            .query(&mut client.get_connection().unwrap())
            .unwrap()
    }
}
