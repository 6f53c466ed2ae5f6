-- The heads of all queues are found in this index alone. Jobs that a coordinator which
-- knows no queues has taken out of theirs are not in it.
DROP INDEX dffmpeg_jobs_queue;
CREATE INDEX dffmpeg_jobs_queue ON dffmpeg_jobs (queue, job_id, not_before, status) WHERE queue IS NOT NULL AND status = 'pending';
-- So is all that counts of the jobs in the hands of workers.
DROP INDEX dffmpeg_jobs_held;
CREATE INDEX dffmpeg_jobs_held ON dffmpeg_jobs (worker_id, requester_id, binary_name, demand, status) WHERE status IN ('assigned', 'running', 'canceling');
