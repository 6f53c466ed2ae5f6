-- What a requester's messages travel by, so that the outbox finds those that are
-- to be pushed among those that nobody ever fetches. Null for a worker's, whose
-- transport may change.
ALTER TABLE dffmpeg_messages ADD COLUMN transport TEXT;
UPDATE dffmpeg_messages SET transport = (SELECT j.transport FROM dffmpeg_jobs j WHERE j.job_id = dffmpeg_messages.job_id)
    WHERE mailbox = 'job/' || job_id;
CREATE INDEX dffmpeg_messages_outbox ON dffmpeg_messages (transport, recipient_id, job_id)
    WHERE sent_at IS NULL AND transport IS NOT NULL;

-- Output among the signs of life of a long job.
CREATE INDEX dffmpeg_messages_logs ON dffmpeg_messages (mailbox, message_id) WHERE type = 'job_logs';
