-- What a job needs, how it is tried, and the queue that it waits in: null unless it is
-- pending.
ALTER TABLE dffmpeg_jobs
    ADD COLUMN priority BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN demand LONGTEXT,
    ADD COLUMN prefer LONGTEXT,
    ADD COLUMN retry LONGTEXT,
    ADD COLUMN attempts LONGTEXT,
    ADD COLUMN not_before BIGINT,
    ADD COLUMN queue_timeout BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN queue VARBINARY(512),
    ADD COLUMN queue_until BIGINT,
    ADD INDEX dffmpeg_jobs_queue (queue, job_id),
    ADD INDEX dffmpeg_jobs_held (worker_id, status),
    ADD INDEX dffmpeg_jobs_until (queue_until),
    ADD INDEX dffmpeg_jobs_attended (monitor, status);
