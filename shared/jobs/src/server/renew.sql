-- Renews the leases of running jobs and tells which of them are still ours.
-- @P1 [{"j": job, "f": fence, "q": queue, "i": queue row}]
-- -> JobId, StateId of those that are ours; what is missing is lost.
-- Queue rows first: claims lock in the same order. Renewing the FetchedAt of a row that somebody has just taken over
-- does no harm, it only lengthens his lease; the guarded update of Jobs.Lease decides.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @fence TABLE (
    JobId bigint NOT NULL, StateId bigint NOT NULL, Queue nvarchar(50) NOT NULL, QueueId bigint NOT NULL,
    PRIMARY KEY (JobId, StateId)
);
DECLARE @mine TABLE (JobId bigint NOT NULL PRIMARY KEY, StateId bigint NOT NULL);

INSERT INTO @fence (JobId, StateId, Queue, QueueId)
SELECT x.JobId, x.StateId, x.Queue, x.QueueId
FROM OPENJSON(@P1) WITH (JobId bigint '$.j', StateId bigint '$.f', Queue nvarchar(50) '$.q', QueueId bigint '$.i') AS x;

BEGIN TRANSACTION;

UPDATE q SET q.FetchedAt = @now
FROM HangFire.JobQueue AS q
    INNER JOIN @fence AS f ON f.Queue = q.Queue AND f.QueueId = q.Id AND f.JobId = q.JobId
WHERE q.FetchedAt IS NOT NULL
    AND EXISTS (SELECT 1 FROM Jobs.Lease AS l WHERE l.JobId = f.JobId AND l.StateId = f.StateId)
    AND EXISTS (SELECT 1 FROM HangFire.Job AS j WHERE j.Id = f.JobId AND j.StateId = f.StateId);

UPDATE l SET l.RenewedAt = @now
OUTPUT inserted.JobId, inserted.StateId INTO @mine (JobId, StateId)
FROM Jobs.Lease AS l INNER JOIN @fence AS f ON f.JobId = l.JobId
WHERE l.StateId = f.StateId;

COMMIT TRANSACTION;

SELECT m.JobId, m.StateId
FROM @mine AS m INNER JOIN HangFire.Job AS j ON j.Id = m.JobId AND j.StateId = m.StateId
WHERE j.StateName = N'Processing';
