-- Times are microseconds since 1970 in UTC; lists and maps are JSON. Text that is
-- compared or sorted is so byte by byte, as IDs are.

CREATE TABLE dffmpeg_identities (
    client_id     TEXT COLLATE "C" PRIMARY KEY,
    role          TEXT NOT NULL,
    hmac_key      TEXT NOT NULL,
    key_id        TEXT NOT NULL,
    allowed_cidrs TEXT NOT NULL,
    created_at    BIGINT NOT NULL
);
