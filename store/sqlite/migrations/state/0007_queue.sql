-- What a job needs, how it is tried, and the queue that it waits in: null unless it is
-- pending.
ALTER TABLE dffmpeg_jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dffmpeg_jobs ADD COLUMN demand TEXT;
ALTER TABLE dffmpeg_jobs ADD COLUMN prefer TEXT;
ALTER TABLE dffmpeg_jobs ADD COLUMN retry TEXT;
ALTER TABLE dffmpeg_jobs ADD COLUMN attempts TEXT;
ALTER TABLE dffmpeg_jobs ADD COLUMN not_before INTEGER;
ALTER TABLE dffmpeg_jobs ADD COLUMN queue_timeout INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dffmpeg_jobs ADD COLUMN queue TEXT;
ALTER TABLE dffmpeg_jobs ADD COLUMN queue_until INTEGER;
CREATE INDEX dffmpeg_jobs_queue ON dffmpeg_jobs (queue, job_id) WHERE queue IS NOT NULL;
CREATE INDEX dffmpeg_jobs_held ON dffmpeg_jobs (worker_id) WHERE status IN ('assigned', 'running', 'canceling');
CREATE INDEX dffmpeg_jobs_until ON dffmpeg_jobs (queue_until) WHERE queue_until IS NOT NULL;
CREATE INDEX dffmpeg_jobs_attended ON dffmpeg_jobs (monitor, status) WHERE status IN ('pending', 'assigned', 'running');
