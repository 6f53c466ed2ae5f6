-- What waits already has a queue of its own, until it is stored again.
UPDATE dffmpeg_jobs SET queue = CONCAT('100/', job_id, '/', requester_id) WHERE status = 'pending';

-- What programs can do.
CREATE TABLE IF NOT EXISTS dffmpeg_workers_profiles (
    profile_id VARBINARY(64) NOT NULL PRIMARY KEY,
    content    LONGTEXT NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- What a worker gives to jobs, and what keeps it from being given some; null for nothing.
ALTER TABLE dffmpeg_workers
    ADD COLUMN offer LONGTEXT,
    ADD COLUMN pause LONGTEXT,
    ADD COLUMN trouble LONGTEXT;
