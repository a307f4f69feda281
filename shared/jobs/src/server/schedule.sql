-- Moves due members of the `schedule` set into their queues. One process at a time, under Hangfire's own lock name, so
-- that our schedulers and .NET's exclude each other.
-- @P1 most members to move   @P2 jobs that may wait in a queue before no more are moved into it: what is due all at once
-- does not stand in front of everything that is enqueued later
-- -> Moved, then the queues that received jobs
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @unixMs bigint = DATEDIFF_BIG(millisecond, '1970-01-01', @now);
DECLARE @at nvarchar(20) = CAST(@unixMs AS nvarchar(20));
DECLARE @lock int = 0;
DECLARE @members int = 0;
DECLARE @due TABLE (
    Member nvarchar(256) NOT NULL PRIMARY KEY, Colon int NOT NULL, JobId bigint NULL, Queue nvarchar(50) NULL
);
DECLARE @full TABLE (Queue nvarchar(50) NOT NULL PRIMARY KEY);
DECLARE @moved TABLE (JobId bigint NOT NULL PRIMARY KEY, Queue nvarchar(50) NULL);
DECLARE @state TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);

BEGIN TRANSACTION;

EXEC @lock = sp_getapplock @Resource = N'HangFire:locks:schedulepoller', @LockMode = N'Exclusive',
    @LockOwner = N'Transaction', @LockTimeout = 0;

IF @lock >= 0
BEGIN
    INSERT INTO @full (Queue)
    SELECT r.Queue
    FROM (SELECT DISTINCT o.Queue FROM Jobs.ServerQueue AS o) AS r
    WHERE (SELECT COUNT(*) FROM (SELECT TOP (@P2) q.Id FROM HangFire.JobQueue AS q
                                 WHERE q.Queue = r.Queue AND q.FetchedAt IS NULL) AS w) >= @P2;

    INSERT INTO @due (Member, Colon)
    SELECT TOP (@P1) s.Value, CHARINDEX(N':', s.Value)
    FROM HangFire.[Set] AS s
    WHERE s.[Key] = N'schedule' AND s.Score <= @unixMs / 1000
        AND NOT EXISTS (SELECT 1 FROM @full AS f WHERE LEFT(s.Value, LEN(f.Queue) + 1) = f.Queue + N':')
    ORDER BY s.Score;
    SET @members = @@ROWCOUNT;
END;

IF @members > 0
BEGIN
    UPDATE d SET d.JobId = TRY_CAST(SUBSTRING(d.Member, d.Colon + 1, 256) AS bigint),
        d.Queue = CASE WHEN d.Colon > 0 THEN LEFT(d.Member, d.Colon - 1) END
    FROM @due AS d;

    -- Only jobs that still wait. The others' members are leftovers and go as well.
    UPDATE j SET j.StateName = N'Enqueued', j.ExpireAt = NULL
    OUTPUT inserted.Id INTO @moved (JobId)
    FROM HangFire.Job AS j INNER JOIN @due AS d ON d.JobId = j.Id
    WHERE j.StateName = N'Scheduled';

    UPDATE m SET m.Queue = d.Queue FROM @moved AS m INNER JOIN @due AS d ON d.JobId = m.JobId WHERE d.Queue IS NOT NULL;
    UPDATE m SET m.Queue = COALESCE(JSON_VALUE(j.InvocationData, '$.q'), JSON_VALUE(j.InvocationData, '$.Queue'))
    FROM @moved AS m INNER JOIN HangFire.Job AS j ON j.Id = m.JobId
    WHERE m.Queue IS NULL AND ISJSON(j.InvocationData) = 1;
    UPDATE m SET m.Queue = N'default' FROM @moved AS m WHERE m.Queue IS NULL;

    INSERT INTO HangFire.State (JobId, Name, Reason, CreatedAt, Data)
    OUTPUT inserted.Id, inserted.JobId INTO @state (Id, JobId)
    SELECT m.JobId, N'Enqueued', N'Triggered by DelayedJobScheduler', @now,
        N'{"EnqueuedAt":"' + @at + N'","Queue":"' + m.Queue + N'"}'
    FROM @moved AS m
    ORDER BY m.JobId;

    UPDATE j SET j.StateId = s.Id
    FROM @state AS s INNER JOIN HangFire.Job AS j ON j.Id = s.JobId;

    INSERT INTO HangFire.JobQueue (JobId, Queue) SELECT m.JobId, m.Queue FROM @moved AS m ORDER BY m.JobId;

    DELETE s FROM HangFire.[Set] AS s INNER JOIN @due AS d ON d.Member = s.Value WHERE s.[Key] = N'schedule';
    DELETE s FROM HangFire.[Set] AS s INNER JOIN @moved AS m ON CAST(m.JobId AS nvarchar(20)) = s.Value
    WHERE s.[Key] = N'retries';
END;

COMMIT TRANSACTION;

SELECT @members AS Members;
SELECT DISTINCT m.Queue FROM @moved AS m;
