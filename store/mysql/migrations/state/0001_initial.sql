-- Times are microseconds since 1970 in UTC; lists and maps are JSON. What is
-- compared or sorted is VARBINARY: byte by byte, trailing spaces included.
-- A statement that fails half-way through a migration is executed again, so each
-- must be one that may be: indexes are part of their table.

CREATE TABLE IF NOT EXISTS dffmpeg_jobs (
    job_id             VARBINARY(26) NOT NULL PRIMARY KEY,
    requester_id       VARBINARY(255) NOT NULL,
    binary_name        VARBINARY(1024) NOT NULL,
    arguments          LONGTEXT NOT NULL,
    paths              LONGTEXT NOT NULL,
    working_directory  LONGTEXT,
    status             VARBINARY(32) NOT NULL,
    exit_code          BIGINT,
    worker_id          VARBINARY(255),
    created_at         BIGINT NOT NULL,
    last_update        BIGINT NOT NULL,
    worker_last_seen   BIGINT,
    client_last_seen   BIGINT,
    heartbeat_interval BIGINT NOT NULL,
    monitor            BOOLEAN NOT NULL,
    transport          VARBINARY(64) NOT NULL,
    transport_metadata LONGTEXT NOT NULL,
    attempt            BIGINT NOT NULL,
    reason             LONGTEXT NOT NULL,
    idempotency_key    VARBINARY(1024),
    version            BIGINT NOT NULL,
    log_batch          BIGINT NOT NULL, -- greatest number of a batch of output in this attempt
    stdout_bytes       BIGINT NOT NULL, -- how much output this attempt has had
    stderr_bytes       BIGINT NOT NULL,
    log_bytes          BIGINT NOT NULL, -- how much output is kept, of all attempts
    msg_seq            BIGINT NOT NULL, -- the last message to the requester: its number
    last_message_id    VARBINARY(26) NOT NULL, -- and its ID
    -- Not the other way round, or the planner would take it for all jobs of a requester.
    UNIQUE INDEX dffmpeg_jobs_idempotency (idempotency_key, requester_id),
    INDEX dffmpeg_jobs_status (status, job_id),
    INDEX dffmpeg_jobs_updated (last_update),
    INDEX dffmpeg_jobs_created (created_at)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS dffmpeg_workers (
    worker_id             VARBINARY(255) NOT NULL PRIMARY KEY,
    capabilities          LONGTEXT NOT NULL,
    binaries              LONGTEXT NOT NULL,
    paths                 LONGTEXT NOT NULL,
    registration_interval BIGINT NOT NULL,
    version               TEXT,
    status                VARBINARY(32) NOT NULL,
    last_seen             BIGINT,
    transport             VARBINARY(64) NOT NULL,
    transport_metadata    LONGTEXT NOT NULL,
    instance_id           VARBINARY(1024) NOT NULL,
    registered_at         BIGINT,
    revision              BIGINT NOT NULL,
    token                 VARBINARY(1024) NOT NULL, -- not verified yet
    asked                 VARBINARY(32) NOT NULL, -- status that the token gives
    msg_seq               BIGINT NOT NULL,
    last_message_id       VARBINARY(26) NOT NULL
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- A mailbox is a recipient: worker/ID or job/ID. Numbers and IDs ascend within
-- it in commit order.
CREATE TABLE IF NOT EXISTS dffmpeg_messages (
    mailbox      VARBINARY(300) NOT NULL,
    seq          BIGINT NOT NULL,
    message_id   VARBINARY(26) NOT NULL,
    recipient_id VARBINARY(255) NOT NULL,
    sender_id    VARBINARY(255),
    job_id       VARBINARY(26),
    type         VARBINARY(32) NOT NULL,
    payload      LONGTEXT NOT NULL, -- '' for job_logs: the chunks are
    created_at   BIGINT NOT NULL,
    not_before   BIGINT,
    sent_at      BIGINT,
    acked_at     BIGINT,
    transport    VARBINARY(64), -- of a requester's until it is sent; null for a worker's, whose transport may change
    PRIMARY KEY (mailbox, seq),
    UNIQUE INDEX dffmpeg_messages_id (mailbox, message_id),
    INDEX dffmpeg_messages_unsent (mailbox, sent_at, seq),
    INDEX dffmpeg_messages_unacked (mailbox, acked_at, job_id, seq),
    INDEX dffmpeg_messages_requests (mailbox, type, job_id, seq),
    -- What the outbox is to push, among what nobody ever fetches.
    INDEX dffmpeg_messages_outbox (transport, recipient_id, job_id, message_id),
    INDEX dffmpeg_messages_created (created_at)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- Output in chunks: of one batch (message_id announced it) what it has of one
-- stream. Data is compressed; start and size count the bytes of the stream.
CREATE TABLE IF NOT EXISTS dffmpeg_jobs_output (
    job_id     VARBINARY(26) NOT NULL,
    attempt    BIGINT NOT NULL,
    stream     VARBINARY(16) NOT NULL,
    start      BIGINT NOT NULL,
    message_id VARBINARY(26) NOT NULL,
    size       BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    data       LONGBLOB NOT NULL,
    PRIMARY KEY (job_id, attempt, stream, start, message_id),
    INDEX dffmpeg_jobs_output_batch (job_id, message_id),
    INDEX dffmpeg_jobs_output_created (created_at)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;
