-- What of the requester's environment goes with the job; null for nothing.
ALTER TABLE dffmpeg_jobs ADD COLUMN environment TEXT;
