-- Pending jobs without a queue are put into theirs by whoever schedules: those that
-- 0008 gave one each, and those that a coordinator stores which knows no queues.
UPDATE dffmpeg_jobs SET queue = NULL WHERE status = 'pending' AND queue = CONCAT('100/', job_id, '/', requester_id);
ALTER TABLE dffmpeg_jobs ADD INDEX dffmpeg_jobs_unqueued (status, queue);
