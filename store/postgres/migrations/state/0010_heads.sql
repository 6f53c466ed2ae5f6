-- The heads of all queues are found in this index alone. Jobs that a coordinator which
-- knows no queues has taken out of theirs are not in it.
DROP INDEX dffmpeg_jobs_queue;
CREATE INDEX dffmpeg_jobs_queue ON dffmpeg_jobs (queue, job_id, not_before, status) WHERE queue IS NOT NULL AND status = 'pending';
