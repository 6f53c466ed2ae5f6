-- Times are microseconds since 1970 in UTC; lists and maps are JSON.

CREATE TABLE dffmpeg_jobs (
    job_id             TEXT PRIMARY KEY,
    requester_id       TEXT NOT NULL,
    binary_name        TEXT NOT NULL,
    arguments          TEXT NOT NULL,
    paths              TEXT NOT NULL,
    working_directory  TEXT,
    status             TEXT NOT NULL,
    exit_code          INTEGER,
    worker_id          TEXT,
    created_at         INTEGER NOT NULL,
    last_update        INTEGER NOT NULL,
    worker_last_seen   INTEGER,
    client_last_seen   INTEGER,
    heartbeat_interval INTEGER NOT NULL,
    monitor            INTEGER NOT NULL,
    transport          TEXT NOT NULL,
    transport_metadata TEXT NOT NULL,
    attempt            INTEGER NOT NULL,
    reason             TEXT NOT NULL,
    idempotency_key    TEXT,
    version            INTEGER NOT NULL,
    log_batch          INTEGER NOT NULL, -- greatest number of a batch of output in this attempt
    stdout_bytes       INTEGER NOT NULL, -- how much output this attempt has had
    stderr_bytes       INTEGER NOT NULL,
    log_bytes          INTEGER NOT NULL, -- how much output is kept, of all attempts
    msg_seq            INTEGER NOT NULL, -- the last message to the requester: its number
    last_message_id    TEXT NOT NULL     -- and its ID
);
-- Partial, or the planner would take it for all jobs of a requester.
CREATE UNIQUE INDEX dffmpeg_jobs_idempotency ON dffmpeg_jobs (requester_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX dffmpeg_jobs_status ON dffmpeg_jobs (status, job_id);
CREATE INDEX dffmpeg_jobs_updated ON dffmpeg_jobs (last_update);
CREATE INDEX dffmpeg_jobs_created ON dffmpeg_jobs (created_at);

CREATE TABLE dffmpeg_workers (
    worker_id             TEXT PRIMARY KEY,
    capabilities          TEXT NOT NULL,
    binaries              TEXT NOT NULL,
    paths                 TEXT NOT NULL,
    registration_interval INTEGER NOT NULL,
    version               TEXT,
    status                TEXT NOT NULL,
    last_seen             INTEGER,
    transport             TEXT NOT NULL,
    transport_metadata    TEXT NOT NULL,
    instance_id           TEXT NOT NULL,
    registered_at         INTEGER,
    revision              INTEGER NOT NULL,
    token                 TEXT NOT NULL, -- not verified yet
    asked                 TEXT NOT NULL, -- status that the token gives
    msg_seq               INTEGER NOT NULL,
    last_message_id       TEXT NOT NULL
);

-- A mailbox is a recipient: worker/ID or job/ID. Numbers and IDs ascend within
-- it in commit order.
CREATE TABLE dffmpeg_messages (
    mailbox      TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    message_id   TEXT NOT NULL,
    recipient_id TEXT NOT NULL,
    sender_id    TEXT,
    job_id       TEXT,
    type         TEXT NOT NULL,
    payload      TEXT NOT NULL, -- '' for job_logs: the chunks are
    created_at   INTEGER NOT NULL,
    not_before   INTEGER,
    sent_at      INTEGER,
    acked_at     INTEGER,
    transport    TEXT, -- of a requester's until it is sent; null for a worker's, whose transport may change
    PRIMARY KEY (mailbox, seq)
);
CREATE UNIQUE INDEX dffmpeg_messages_id ON dffmpeg_messages (mailbox, message_id);
-- The column that is always null here makes the planner prefer these to the
-- primary key, which would walk through all that a recipient ever got.
CREATE INDEX dffmpeg_messages_unsent ON dffmpeg_messages (mailbox, sent_at, seq) WHERE sent_at IS NULL;
CREATE INDEX dffmpeg_messages_unacked ON dffmpeg_messages (mailbox, acked_at, job_id, seq) WHERE acked_at IS NULL;
CREATE INDEX dffmpeg_messages_requests ON dffmpeg_messages (mailbox, job_id, seq) WHERE type = 'job_request';
-- What the outbox is to push, among what nobody ever fetches.
CREATE INDEX dffmpeg_messages_outbox ON dffmpeg_messages (transport, recipient_id, job_id, message_id) WHERE transport IS NOT NULL;
CREATE INDEX dffmpeg_messages_created ON dffmpeg_messages (created_at);

-- Output in chunks: of one batch (message_id announced it) what it has of one
-- stream. Data is compressed; start and size count the bytes of the stream.
CREATE TABLE dffmpeg_jobs_output (
    job_id     TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    stream     TEXT NOT NULL,
    start      INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (job_id, attempt, stream, start, message_id)
);
CREATE INDEX dffmpeg_jobs_output_batch ON dffmpeg_jobs_output (job_id, message_id);
CREATE INDEX dffmpeg_jobs_output_created ON dffmpeg_jobs_output (created_at);
