CREATE TABLE users (
    id VARBINARY(24) NOT NULL PRIMARY KEY,
    email_address VARBINARY(255) NOT NULL UNIQUE,
    password_hash VARBINARY(1024) NOT NULL,
    password_hash_algorithm_id VARCHAR(255) CHARACTER SET ascii NOT NULL,
    password_salt VARBINARY(1024) NOT NULL,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    display_name VARCHAR(255) NOT NULL DEFAULT '',
    email_address_counter INT NOT NULL DEFAULT 0,
    password_hash_counter INT NOT NULL DEFAULT 0,
    disabled_counter INT NOT NULL DEFAULT 0,
    sessions_counter INT NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
