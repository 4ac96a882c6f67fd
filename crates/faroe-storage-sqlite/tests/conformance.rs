//! The contract of a storage, as one handle, as two on one file, and in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{process::ExitCode, sync::Arc};

use faroe_core::time::SystemClock;
use faroe_sqlite::Database;
use faroe_storage_sqlite::SqliteStorage;
use faroe_testkit::{
    conformance::{self, storage},
    round_robin::RoundRobin,
};
use tempfile::TempDir;

fn main() -> ExitCode {
    let folder = TempDir::new().unwrap();
    let one = folder.path().join("one.sqlite");
    let two = folder.path().join("two.sqlite");
    conformance::run([
        storage("file", async move || {
            SqliteStorage::connect(&one).await.unwrap()
        }),
        storage("two_handles", async move || {
            RoundRobin::new([
                Arc::new(SqliteStorage::connect(&two).await.unwrap()),
                Arc::new(SqliteStorage::connect(&two).await.unwrap()),
            ])
        }),
        storage("memory", async || {
            let database = Database::in_memory().unwrap();
            SqliteStorage::new(database, Arc::new(SystemClock))
                .await
                .unwrap()
        }),
    ])
}
