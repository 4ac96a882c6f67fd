//! redis on one connection shared by all tasks.

use anyhow::{Context, Result, ensure};
use redis::{Cmd, ConnectionInfo, IntoConnectionInfo, aio::ConnectionLike, io::tcp::TcpSettings};

use super::worker::{Place, Worker, check};

/// The script of an update. As in the storage, the counter is in front of the value.
const UPDATE: &str = "\
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

/// Returns the storage's own settings, with which no command waits for others.
pub(super) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

pub(super) fn node(url: &str) -> Result<ConnectionInfo> {
    Ok(url.into_connection_info()?.set_tcp_settings(tcp_settings()))
}

#[derive(Debug)]
pub(super) struct Driver<C> {
    connection: C,
    /// The key in the storage's form.
    key: String,
    place: Place,
}

impl<C: ConnectionLike + Clone> Driver<C> {
    pub(super) fn new(connection: &C, place: Place) -> Self {
        Self {
            connection: connection.clone(),
            key: format!("faroe:storage:{}", place.key),
            place,
        }
    }
}

impl<C: ConnectionLike + Send + 'static> Worker for Driver<C> {
    async fn get(&mut self) -> Result<()> {
        let mut get = redis::cmd("GET");
        get.arg(&self.key);
        let content: Option<Vec<u8>> = get.query_async(&mut self.connection).await?;
        let content = content.context("missing entry")?;
        let (counter, value) = content.split_first_chunk().context("truncated entry")?;
        check(
            Some((value.to_vec(), i32::from_be_bytes(*counter))),
            &self.place,
        )
    }

    async fn update(&mut self) -> Result<()> {
        const LIFETIME: i64 = 2 * 3600 * 1000;
        let place = &mut self.place;
        let (before, after) = (
            place.counter.to_be_bytes(),
            (place.counter + 1).to_be_bytes(),
        );
        let mut update: Cmd = redis::cmd("EVAL");
        update.arg(UPDATE).arg(1).arg(&self.key).arg(&before[..]);
        update
            .arg([&after[..], &place.value].concat())
            .arg(LIFETIME);
        let updated: i32 = update.query_async(&mut self.connection).await?;
        ensure!(updated == 1, "update failed: the counter differs");
        place.counter += 1;
        Ok(())
    }
}
