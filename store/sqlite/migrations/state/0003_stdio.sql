-- How a job's standard streams reach its requester, and the coordinator where the
-- two ends of them meet.
ALTER TABLE dffmpeg_jobs ADD COLUMN stdio TEXT NOT NULL DEFAULT '';
ALTER TABLE dffmpeg_jobs ADD COLUMN stdio_home TEXT NOT NULL DEFAULT '';
