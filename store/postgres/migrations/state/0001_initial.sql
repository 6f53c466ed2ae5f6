-- Times are microseconds since 1970 in UTC; lists and maps are JSON. Text that is
-- compared or sorted is so byte by byte, as IDs are.

CREATE TABLE dffmpeg_jobs (
    job_id             TEXT COLLATE "C" PRIMARY KEY,
    requester_id       TEXT COLLATE "C" NOT NULL,
    binary_name        TEXT NOT NULL,
    arguments          TEXT NOT NULL,
    paths              TEXT NOT NULL,
    working_directory  TEXT,
    status             TEXT NOT NULL,
    exit_code          BIGINT,
    worker_id          TEXT COLLATE "C",
    created_at         BIGINT NOT NULL,
    last_update        BIGINT NOT NULL,
    worker_last_seen   BIGINT,
    client_last_seen   BIGINT,
    heartbeat_interval BIGINT NOT NULL,
    monitor            BOOLEAN NOT NULL,
    transport          TEXT NOT NULL,
    transport_metadata TEXT NOT NULL,
    attempt            BIGINT NOT NULL,
    reason             TEXT NOT NULL,
    idempotency_key    TEXT COLLATE "C",
    version            BIGINT NOT NULL,
    log_batch          BIGINT NOT NULL, -- greatest number of a batch of output in this attempt
    stdout_bytes       BIGINT NOT NULL, -- how much output this attempt has had
    stderr_bytes       BIGINT NOT NULL,
    log_bytes          BIGINT NOT NULL, -- how much output is kept, of all attempts
    msg_seq            BIGINT NOT NULL, -- the last message to the requester: its number
    last_message_id    TEXT COLLATE "C" NOT NULL     -- and its ID
);
-- Partial, or the planner would take it for all jobs of a requester.
CREATE UNIQUE INDEX dffmpeg_jobs_idempotency ON dffmpeg_jobs (requester_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX dffmpeg_jobs_status ON dffmpeg_jobs (status, job_id);
CREATE INDEX dffmpeg_jobs_updated ON dffmpeg_jobs (last_update);
CREATE INDEX dffmpeg_jobs_created ON dffmpeg_jobs (created_at);

CREATE TABLE dffmpeg_workers (
    worker_id             TEXT COLLATE "C" PRIMARY KEY,
    capabilities          TEXT NOT NULL,
    binaries              TEXT NOT NULL,
    paths                 TEXT NOT NULL,
    registration_interval BIGINT NOT NULL,
    version               TEXT,
    status                TEXT NOT NULL,
    last_seen             BIGINT,
    transport             TEXT NOT NULL,
    transport_metadata    TEXT NOT NULL,
    instance_id           TEXT COLLATE "C" NOT NULL,
    registered_at         BIGINT,
    revision              BIGINT NOT NULL,
    token                 TEXT NOT NULL, -- not verified yet
    asked                 TEXT NOT NULL, -- status that the token gives
    msg_seq               BIGINT NOT NULL,
    last_message_id       TEXT COLLATE "C" NOT NULL
);

-- A mailbox is a recipient: worker/ID or job/ID. Numbers and IDs ascend within
-- it in commit order.
CREATE TABLE dffmpeg_messages (
    mailbox      TEXT COLLATE "C" NOT NULL,
    seq          BIGINT NOT NULL,
    message_id   TEXT COLLATE "C" NOT NULL,
    recipient_id TEXT COLLATE "C" NOT NULL,
    sender_id    TEXT COLLATE "C",
    job_id       TEXT COLLATE "C",
    type         TEXT NOT NULL,
    payload      TEXT NOT NULL, -- '' for job_logs: the chunks are
    created_at   BIGINT NOT NULL,
    not_before   BIGINT,
    sent_at      BIGINT,
    acked_at     BIGINT,
    transport    TEXT, -- of a requester's until it is sent; null for a worker's, whose transport may change
    PRIMARY KEY (mailbox, seq)
);
CREATE UNIQUE INDEX dffmpeg_messages_id ON dffmpeg_messages (mailbox, message_id);
-- What a recipient has not got, and not acknowledged, among all that it ever got.
-- A column that is always null would hide the order from the planner.
CREATE INDEX dffmpeg_messages_unsent ON dffmpeg_messages (mailbox, seq) WHERE sent_at IS NULL;
CREATE INDEX dffmpeg_messages_unacked ON dffmpeg_messages (mailbox, job_id, seq) WHERE acked_at IS NULL;
-- The job first, or the planner would take it for all requests to a worker.
CREATE INDEX dffmpeg_messages_requests ON dffmpeg_messages (job_id, mailbox, seq) WHERE type = 'job_request';
-- What the outbox is to push, among what nobody ever fetches.
CREATE INDEX dffmpeg_messages_outbox ON dffmpeg_messages (transport, recipient_id, job_id, message_id) WHERE transport IS NOT NULL;
CREATE INDEX dffmpeg_messages_created ON dffmpeg_messages (created_at);

-- Output in chunks: of one batch (message_id announced it) what it has of one
-- stream. Data is compressed; start and size count the bytes of the stream.
CREATE TABLE dffmpeg_jobs_output (
    job_id     TEXT COLLATE "C" NOT NULL,
    attempt    BIGINT NOT NULL,
    stream     TEXT NOT NULL,
    start      BIGINT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    size       BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    data       BYTEA NOT NULL,
    PRIMARY KEY (job_id, attempt, stream, start, message_id)
);
CREATE INDEX dffmpeg_jobs_output_batch ON dffmpeg_jobs_output (job_id, message_id);
CREATE INDEX dffmpeg_jobs_output_created ON dffmpeg_jobs_output (created_at);
