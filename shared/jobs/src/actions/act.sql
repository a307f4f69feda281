-- Deletes, requeues or runs now, inside the caller's transaction; children.sql and acted.sql go on.
-- @P1 [job, …]   @P2 delete, requeue, run   @P3 reason
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @unixMs bigint = DATEDIFF_BIG(millisecond, '1970-01-01', @now);
DECLARE @at nvarchar(20) = CAST(@unixMs AS nvarchar(20));
DECLARE @day nvarchar(10) = CONVERT(nvarchar(10), @now, 120);
DECLARE @hour nvarchar(13) = REPLACE(CONVERT(nvarchar(13), @now, 120), N' ', N'-');
DECLARE @keepSecs int = 86400;
DECLARE @state nvarchar(20) = CASE WHEN @P2 = N'delete' THEN N'Deleted' ELSE N'Enqueued' END;
DECLARE @deleted int = 0;
DECLARE @unsucceeded int = 0;
DECLARE @undeleted int = 0;
DECLARE @asked TABLE (JobId bigint NOT NULL PRIMARY KEY);
DECLARE @target TABLE (
    JobId bigint NOT NULL PRIMARY KEY, Plain nvarchar(20) NOT NULL, Queue nvarchar(50) NULL, OldState nvarchar(20) NOT NULL
);
DECLARE @new TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);
DECLARE @finished TABLE (JobId bigint NOT NULL PRIMARY KEY, Name nvarchar(20) NOT NULL, Round int NOT NULL);

INSERT INTO @asked (JobId) SELECT DISTINCT CAST(x.value AS bigint) FROM OPENJSON(@P1) AS x;

-- Changes nothing: the rows are locked, and what is read of them below holds.
UPDATE j SET j.ExpireAt = j.ExpireAt FROM HangFire.Job AS j INNER JOIN @asked AS a ON a.JobId = j.Id;

INSERT INTO @target (JobId, Plain, Queue, OldState)
SELECT j.Id, CAST(j.Id AS nvarchar(20)),
    CASE WHEN ISJSON(j.InvocationData) = 1
        THEN COALESCE(JSON_VALUE(j.InvocationData, '$.q'), JSON_VALUE(j.InvocationData, '$.Queue')) END,
    j.StateName
FROM HangFire.Job AS j INNER JOIN @asked AS a ON a.JobId = j.Id
WHERE (@P2 = N'delete' AND j.StateName <> N'Deleted')
    OR (@P2 = N'requeue' AND j.StateName <> N'Enqueued')
    OR (@P2 = N'run' AND j.StateName IN (N'Scheduled', N'Awaiting'));

UPDATE t SET t.Queue = N'default' FROM @target AS t WHERE t.Queue IS NULL;

INSERT INTO HangFire.State (JobId, Name, Reason, CreatedAt, Data)
OUTPUT inserted.Id, inserted.JobId INTO @new (Id, JobId)
SELECT t.JobId, @state, @P3, @now,
    CASE WHEN @P2 = N'delete' THEN N'{"DeletedAt":"' + @at + N'"}'
        ELSE N'{"EnqueuedAt":"' + @at + N'","Queue":"' + t.Queue + N'"}' END
FROM @target AS t
ORDER BY t.JobId;

UPDATE j SET j.StateId = n.Id, j.StateName = @state,
    j.ExpireAt = CASE WHEN @P2 = N'delete' THEN DATEADD(second, @keepSecs, @now) ELSE NULL END
FROM HangFire.Job AS j INNER JOIN @new AS n ON n.JobId = j.Id;

IF @P2 <> N'delete'
BEGIN
    INSERT INTO HangFire.JobQueue (JobId, Queue) SELECT t.JobId, t.Queue FROM @target AS t ORDER BY t.JobId;
    DELETE v FROM Jobs.Delivery AS v INNER JOIN @target AS t ON t.JobId = v.JobId;
END;

-- Queue rows of deleted jobs are dropped by the claims that meet them: nothing leads from a job to its queue row.
DELETE h FROM Jobs.Hold AS h INNER JOIN @target AS t ON t.JobId = h.JobId WHERE @P2 = N'delete';
DELETE h FROM Jobs.Shelf AS h INNER JOIN @target AS t ON t.JobId = h.JobId WHERE @P2 = N'delete';

DELETE s FROM HangFire.[Set] AS s INNER JOIN @target AS t ON s.Value = t.Plain
WHERE s.[Key] IN (N'schedule', N'retries', N'awaiting');
DELETE s FROM HangFire.[Set] AS s INNER JOIN @target AS t ON s.Value = t.Queue + N':' + t.Plain WHERE s.[Key] = N'schedule';

SELECT @unsucceeded = COUNT(*) FROM @target AS t WHERE t.OldState = N'Succeeded';
SELECT @undeleted = COUNT(*) FROM @target AS t WHERE t.OldState = N'Deleted';
SELECT @deleted = COUNT(*) FROM @target AS t WHERE @P2 = N'delete';
IF @unsucceeded > 0
    INSERT INTO HangFire.Counter ([Key], Value, ExpireAt) VALUES (N'stats:succeeded', -@unsucceeded, NULL);
IF @undeleted > 0
    INSERT INTO HangFire.Counter ([Key], Value, ExpireAt) VALUES (N'stats:deleted', -@undeleted, NULL);
IF @deleted > 0
    INSERT INTO HangFire.Counter ([Key], Value, ExpireAt) VALUES
        (N'stats:deleted', @deleted, NULL),
        (N'stats:deleted:' + @day, @deleted, DATEADD(month, 1, @now)),
        (N'stats:deleted:' + @hour, @deleted, DATEADD(day, 1, @now));

INSERT INTO @finished (JobId, Name, Round) SELECT t.JobId, N'Deleted', 0 FROM @target AS t WHERE @P2 = N'delete';

