-- The heads of all queues are found in this index alone.
ALTER TABLE dffmpeg_jobs DROP INDEX dffmpeg_jobs_queue, ADD INDEX dffmpeg_jobs_queue (queue, status, job_id, not_before);
