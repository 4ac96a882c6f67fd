CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email_address TEXT NOT NULL UNIQUE,
    password_hash BLOB NOT NULL,
    password_hash_algorithm_id TEXT NOT NULL,
    password_salt BLOB NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    display_name TEXT NOT NULL DEFAULT '',
    email_address_counter INTEGER NOT NULL DEFAULT 0,
    password_hash_counter INTEGER NOT NULL DEFAULT 0,
    disabled_counter INTEGER NOT NULL DEFAULT 0,
    sessions_counter INTEGER NOT NULL DEFAULT 0
) STRICT;
