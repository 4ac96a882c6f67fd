//! sqlx on the storage's own pool.

use anyhow::{Result, ensure};
use faroe_postgres::sqlx::{PgPool, Row, postgres::PgRow, query};

use super::worker::{Place, Worker, check};

#[derive(Debug)]
pub(super) struct Driver {
    pub(super) pool: PgPool,
    pub(super) place: Place,
}

impl Worker for Driver {
    async fn get(&mut self) -> Result<()> {
        let select = query("SELECT value, counter, expires_at FROM faroe_storage WHERE key = $1");
        let row = select
            .bind(&self.place.key)
            .fetch_optional(&self.pool)
            .await?;
        let entry = |row: PgRow| anyhow::Ok((row.try_get(0)?, row.try_get(1)?));
        check(row.map(entry).transpose()?, &self.place)
    }

    async fn update(&mut self) -> Result<()> {
        let update = query(
            "UPDATE faroe_storage SET value = $2, expires_at = $3, counter = $4
             WHERE key = $1 AND counter = $5 AND expires_at > $6",
        );
        let place = &mut self.place;
        let update = update
            .bind(&place.key)
            .bind(&place.value)
            .bind(place.expires_at.as_milliseconds())
            .bind(place.counter + 1)
            .bind(place.counter)
            .bind(0_i64);
        let updated = update.execute(&self.pool).await?.rows_affected();
        ensure!(updated == 1, "update failed: the counter differs");
        place.counter += 1;
        Ok(())
    }
}
