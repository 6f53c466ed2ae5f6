-- When a worker last completed a job that says something of it.
ALTER TABLE dffmpeg_workers ADD COLUMN proven_at BIGINT;
