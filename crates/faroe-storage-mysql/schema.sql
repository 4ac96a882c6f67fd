CREATE TABLE IF NOT EXISTS faroe_storage (
    entry_key VARBINARY(255) NOT NULL PRIMARY KEY,
    value MEDIUMBLOB NOT NULL,
    counter INT NOT NULL,
    expires_at BIGINT NOT NULL, -- Unix time in milliseconds
    INDEX faroe_storage_expires_at (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
