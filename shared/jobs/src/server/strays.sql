-- Leases in our name that we know nothing of: the answer to a claim was lost on the way.
-- @P1 server   @P2 [{"j": job, "f": fence}] that we do know
SELECT l.JobId, l.StateId, l.Queue, l.QueueId, l.ServerId
FROM Jobs.Lease AS l
WHERE l.ServerId = @P1 AND NOT EXISTS (
    SELECT 1 FROM OPENJSON(@P2) WITH (JobId bigint '$.j', StateId bigint '$.f') AS x
    WHERE x.JobId = l.JobId AND x.StateId = l.StateId)
ORDER BY l.JobId;
