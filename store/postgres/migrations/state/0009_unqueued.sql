-- Pending jobs without a queue are put into theirs by whoever schedules: those that
-- 0008 gave one each, and those that a coordinator stores which knows no queues.
UPDATE dffmpeg_jobs SET queue = NULL WHERE status = 'pending' AND queue = '100/' || job_id || '/' || requester_id;
CREATE INDEX dffmpeg_jobs_unqueued ON dffmpeg_jobs (job_id) WHERE status = 'pending' AND queue IS NULL;
