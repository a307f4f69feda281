-- The reference's claim: one row.
-- -> Id, JobId, or nothing
UPDATE TOP (1) q SET q.FetchedAt = GETUTCDATE()
OUTPUT inserted.Id, inserted.JobId
FROM HangFire.JobQueue AS q WITH (READPAST, UPDLOCK, ROWLOCK)
WHERE q.Queue = N'default' AND q.FetchedAt IS NULL;
