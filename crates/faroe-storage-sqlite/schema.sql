CREATE TABLE faroe_storage (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    counter INTEGER NOT NULL,
    expires_at INTEGER NOT NULL -- Unix time in milliseconds
) STRICT, WITHOUT ROWID;

CREATE INDEX faroe_storage_expires_at ON faroe_storage (expires_at);
