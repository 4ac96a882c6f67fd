CREATE TABLE faroe_storage (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL,
    counter INTEGER NOT NULL,
    expires_at BIGINT NOT NULL -- Unix time in milliseconds
);

CREATE INDEX faroe_storage_expires_at ON faroe_storage (expires_at);
