-- What waits already has a queue of its own, until it is stored again.
UPDATE dffmpeg_jobs SET queue = '100/' || job_id || '/' || requester_id WHERE status = 'pending';

-- What programs can do.
CREATE TABLE dffmpeg_workers_profiles (
    profile_id TEXT COLLATE "C" PRIMARY KEY,
    content    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What a worker gives to jobs, and what keeps it from being given some; null for nothing.
ALTER TABLE dffmpeg_workers ADD COLUMN offer TEXT;
ALTER TABLE dffmpeg_workers ADD COLUMN pause TEXT;
ALTER TABLE dffmpeg_workers ADD COLUMN trouble TEXT;
