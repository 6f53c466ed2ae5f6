-- How a job's standard streams reach its requester, and the coordinator where the
-- two ends of them meet.
ALTER TABLE dffmpeg_jobs
    ADD COLUMN stdio VARBINARY(16) NOT NULL DEFAULT '',
    ADD COLUMN stdio_home VARBINARY(26) NOT NULL DEFAULT '';
