-- The arguments in their second form, for workers that take it; null when the
-- first says all.
ALTER TABLE dffmpeg_jobs ADD COLUMN segments TEXT;
