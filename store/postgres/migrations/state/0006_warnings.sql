-- What looks like a mistake, null for nothing; and the requester's umask, null when it
-- is not known.
ALTER TABLE dffmpeg_jobs ADD COLUMN warnings TEXT;
ALTER TABLE dffmpeg_jobs ADD COLUMN umask INTEGER;
