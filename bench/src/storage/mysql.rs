//! sqlx on the storage's own pool.

use anyhow::{Result, ensure};
use faroe_mysql::sqlx::{MySqlPool, Row, mysql::MySqlRow, query};

use super::worker::{Place, Worker, check};

#[derive(Debug)]
pub(super) struct Driver {
    pub(super) pool: MySqlPool,
    pub(super) place: Place,
}

impl Worker for Driver {
    async fn get(&mut self) -> Result<()> {
        let select =
            query("SELECT value, counter, expires_at FROM faroe_storage WHERE entry_key = ?");
        let select = select.bind(self.place.key.as_bytes());
        let row = select.fetch_optional(&self.pool).await?;
        let entry = |row: MySqlRow| anyhow::Ok((row.try_get(0)?, row.try_get(1)?));
        check(row.map(entry).transpose()?, &self.place)
    }

    async fn update(&mut self) -> Result<()> {
        let update = query(
            "UPDATE faroe_storage SET value = ?, expires_at = ?, counter = ?
             WHERE entry_key = ? AND counter = ? AND expires_at > ?",
        );
        let place = &mut self.place;
        let update = update
            .bind(&place.value)
            .bind(place.expires_at.as_milliseconds())
            .bind(place.counter + 1)
            .bind(place.key.as_bytes())
            .bind(place.counter)
            .bind(0_i64);
        let updated = update.execute(&self.pool).await?.rows_affected();
        ensure!(updated == 1, "update failed: the counter differs");
        place.counter += 1;
        Ok(())
    }
}
