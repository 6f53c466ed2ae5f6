-- The heads of all queues are found in this index alone.
DROP INDEX dffmpeg_jobs_queue;
CREATE INDEX dffmpeg_jobs_queue ON dffmpeg_jobs (queue, job_id, not_before) WHERE queue IS NOT NULL;
