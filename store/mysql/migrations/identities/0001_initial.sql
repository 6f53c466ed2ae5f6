-- Times are microseconds since 1970 in UTC; lists and maps are JSON. What is
-- compared or sorted is VARBINARY: byte by byte, trailing spaces included.

CREATE TABLE IF NOT EXISTS dffmpeg_identities (
    client_id     VARBINARY(255) NOT NULL PRIMARY KEY,
    role          VARBINARY(32) NOT NULL,
    hmac_key      TEXT NOT NULL,
    key_id        VARCHAR(255) NOT NULL,
    allowed_cidrs MEDIUMTEXT NOT NULL,
    created_at    BIGINT NOT NULL
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;
