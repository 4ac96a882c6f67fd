CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email_address TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash BYTEA NOT NULL,
    password_hash_algorithm_id TEXT NOT NULL,
    password_salt BYTEA NOT NULL,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    display_name TEXT NOT NULL DEFAULT '',
    email_address_counter INTEGER NOT NULL DEFAULT 0,
    password_hash_counter INTEGER NOT NULL DEFAULT 0,
    disabled_counter INTEGER NOT NULL DEFAULT 0,
    sessions_counter INTEGER NOT NULL DEFAULT 0
);
