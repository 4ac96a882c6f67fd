#![doc = include_str!("../README.md")]

#[cfg(feature = "argon2")]
pub use faroe_argon2 as argon2;
#[cfg(feature = "axum")]
pub use faroe_axum as axum;
#[cfg(feature = "client")]
pub use faroe_client as client;
#[cfg(feature = "core")]
#[doc(inline)]
pub use faroe_core::*;
#[cfg(feature = "email-queue")]
pub use faroe_email_queue as email_queue;
#[cfg(feature = "email-smtp")]
pub use faroe_email_smtp as email_smtp;
#[cfg(feature = "email-templates")]
pub use faroe_email_templates as email_templates;
#[cfg(feature = "email-webhook")]
pub use faroe_email_webhook as email_webhook;
#[cfg(feature = "http-client")]
pub use faroe_http_client as http_client;
#[cfg(feature = "http-signatures")]
pub use faroe_http_signatures as http_signatures;
#[cfg(feature = "password-hashes")]
pub use faroe_password_hashes as password_hashes;
#[cfg(feature = "password-strength")]
pub use faroe_password_strength as password_strength;
#[cfg(feature = "pwned-passwords")]
pub use faroe_pwned_passwords as pwned_passwords;
#[cfg(feature = "storage-memory")]
pub use faroe_storage_memory as storage_memory;
#[cfg(feature = "storage-mysql")]
pub use faroe_storage_mysql as storage_mysql;
#[cfg(feature = "storage-postgres")]
pub use faroe_storage_postgres as storage_postgres;
#[cfg(feature = "storage-redis")]
pub use faroe_storage_redis as storage_redis;
#[cfg(feature = "storage-sqlite")]
pub use faroe_storage_sqlite as storage_sqlite;
#[cfg(feature = "user-server")]
pub use faroe_user_server as user_server;
#[cfg(feature = "user-server-client")]
pub use faroe_user_server_client as user_server_client;
#[cfg(feature = "user-store-mysql")]
pub use faroe_user_store_mysql as user_store_mysql;
#[cfg(feature = "user-store-postgres")]
pub use faroe_user_store_postgres as user_store_postgres;
#[cfg(feature = "user-store-sqlite")]
pub use faroe_user_store_sqlite as user_store_sqlite;
