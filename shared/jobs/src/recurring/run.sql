-- Moves recurring jobs on and makes their jobs, in the caller's transaction. Each is guarded by the score that it had when it
-- was read, under its lock: whoever comes second writes nothing.
-- @P1 [{"k": id, "s": score as read, "z": new score, "n": next run, "l": last run, "e": error, "c": cron, "t": zone as read}]
-- @P2 [{"k": id, "i": InvocationData, "a": Arguments, "q": queue, "r": [id], "t": nominal time in unix s}]
-- -> JobId, Queue in the order of @P2
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @at nvarchar(20) = CAST(DATEDIFF_BIG(millisecond, '1970-01-01', @now) AS nvarchar(20));
DECLARE @lock int = 0;
DECLARE @id nvarchar(100);
DECLARE @resource nvarchar(255);
DECLARE @move TABLE (
    Id nvarchar(100) NOT NULL PRIMARY KEY, OldScore float NOT NULL, NewScore float NOT NULL, NextAt nvarchar(30) NOT NULL,
    LastAt nvarchar(30) NULL, Error nvarchar(400) NULL, Cron nvarchar(400) NOT NULL, Zone nvarchar(200) NOT NULL,
    Locked int NOT NULL
);
DECLARE @won TABLE (Id nvarchar(256) NOT NULL PRIMARY KEY);
DECLARE @job TABLE (
    Rank int NOT NULL PRIMARY KEY, Id nvarchar(100) NOT NULL, Invocation nvarchar(max) NOT NULL,
    Arguments nvarchar(max) NOT NULL, Queue nvarchar(50) NOT NULL, Name nvarchar(max) NOT NULL, Time nvarchar(20) NOT NULL,
    JobId bigint NULL
);
DECLARE @new TABLE (JobId bigint NOT NULL PRIMARY KEY);
DECLARE @state TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);

INSERT INTO @move (Id, OldScore, NewScore, NextAt, LastAt, Error, Cron, Zone, Locked)
SELECT m.Id, m.OldScore, m.NewScore, m.NextAt, m.LastAt, m.Error, m.Cron, m.Zone, -100
FROM OPENJSON(@P1) WITH (
    Id nvarchar(100) '$.k', OldScore float '$.s', NewScore float '$.z', NextAt nvarchar(30) '$.n', LastAt nvarchar(30) '$.l',
    Error nvarchar(400) '$.e', Cron nvarchar(400) '$.c', Zone nvarchar(200) '$.t'
) AS m;

-- What somebody else holds is his to change: it is looked at again with the next pass.
WHILE EXISTS (SELECT 1 FROM @move AS m WHERE m.Locked = -100)
BEGIN
    SELECT @id = MIN(m.Id) FROM @move AS m WHERE m.Locked = -100;
    SET @resource = N'HangFire:lock:recurring-job:' + @id;
    EXEC @lock = sp_getapplock @Resource = @resource, @LockMode = N'Exclusive', @LockOwner = N'Transaction',
        @LockTimeout = 0;
    UPDATE m SET m.Locked = @lock FROM @move AS m WHERE m.Id = @id;
END;

UPDATE s SET s.Score = m.NewScore
OUTPUT inserted.Value INTO @won (Id)
FROM HangFire.[Set] AS s INNER JOIN @move AS m ON m.Id = s.Value
WHERE s.[Key] = N'recurring-jobs' AND s.Score = m.OldScore AND m.Locked >= 0
    AND COALESCE((SELECT h.Value FROM HangFire.Hash AS h
                  WHERE h.[Key] = N'recurring-job:' + m.Id AND h.Field = N'Cron'), N'') = m.Cron
    AND COALESCE((SELECT h.Value FROM HangFire.Hash AS h
                  WHERE h.[Key] = N'recurring-job:' + m.Id AND h.Field = N'TimeZoneId'), N'') = m.Zone;

INSERT INTO @job (Rank, Id, Invocation, Arguments, Queue, Name, Time)
SELECT ROW_NUMBER() OVER (ORDER BY CAST(x.[key] AS int)), j.Id, JSON_QUERY(x.value, '$.i'), JSON_QUERY(x.value, '$.a'),
    j.Queue, JSON_QUERY(x.value, '$.r'), j.Time
FROM OPENJSON(@P2) AS x CROSS APPLY OPENJSON(x.value) WITH (
        Id nvarchar(100) '$.k', Queue nvarchar(50) '$.q', Time nvarchar(20) '$.t'
    ) AS j INNER JOIN @won AS w ON w.Id = j.Id;

INSERT INTO HangFire.Job (StateName, InvocationData, Arguments, CreatedAt)
OUTPUT inserted.Id INTO @new (JobId)
SELECT N'Enqueued', j.Invocation, j.Arguments, @now FROM @job AS j ORDER BY j.Rank;

-- Identity values follow ORDER BY.
UPDATE j SET j.JobId = n.JobId
FROM @job AS j INNER JOIN (SELECT o.JobId, ROW_NUMBER() OVER (ORDER BY o.JobId) AS Rank FROM @new AS o) AS n
    ON n.Rank = j.Rank;

INSERT INTO HangFire.State (JobId, Name, Reason, CreatedAt, Data)
OUTPUT inserted.Id, inserted.JobId INTO @state (Id, JobId)
SELECT j.JobId, N'Enqueued', N'Triggered by recurring job scheduler', @now,
    N'{"EnqueuedAt":"' + @at + N'","Queue":"' + j.Queue + N'"}'
FROM @job AS j
ORDER BY j.JobId;

UPDATE j SET j.StateId = s.Id FROM HangFire.Job AS j INNER JOIN @state AS s ON s.JobId = j.Id;

INSERT INTO HangFire.JobParameter (JobId, Name, Value)
SELECT j.JobId, N'CurrentCulture', N'""' FROM @job AS j;
INSERT INTO HangFire.JobParameter (JobId, Name, Value)
SELECT j.JobId, N'RecurringJobId', SUBSTRING(j.Name, 2, LEN(j.Name) - 2) FROM @job AS j;
INSERT INTO HangFire.JobParameter (JobId, Name, Value)
SELECT j.JobId, N'UserName', N'"system:' + SUBSTRING(j.Name, 3, LEN(j.Name) - 3) FROM @job AS j;
INSERT INTO HangFire.JobParameter (JobId, Name, Value)
SELECT j.JobId, N'Time', j.Time FROM @job AS j;

INSERT INTO HangFire.JobQueue (JobId, Queue) SELECT j.JobId, j.Queue FROM @job AS j ORDER BY j.JobId;

DELETE h
FROM HangFire.Hash AS h
    INNER JOIN @move AS m ON h.[Key] = N'recurring-job:' + m.Id
    INNER JOIN @won AS w ON w.Id = m.Id
WHERE h.Field IN (N'NextExecution', N'Error', N'RetryAttempt')
    OR (h.Field IN (N'LastExecution', N'LastJobId') AND m.LastAt IS NOT NULL);

INSERT INTO HangFire.Hash ([Key], Field, Value)
SELECT N'recurring-job:' + m.Id, N'NextExecution', m.NextAt FROM @move AS m INNER JOIN @won AS w ON w.Id = m.Id;
INSERT INTO HangFire.Hash ([Key], Field, Value)
SELECT N'recurring-job:' + m.Id, N'Error', m.Error FROM @move AS m INNER JOIN @won AS w ON w.Id = m.Id
WHERE m.Error IS NOT NULL;
INSERT INTO HangFire.Hash ([Key], Field, Value)
SELECT N'recurring-job:' + m.Id, N'LastExecution', m.LastAt FROM @move AS m INNER JOIN @won AS w ON w.Id = m.Id
WHERE m.LastAt IS NOT NULL;
INSERT INTO HangFire.Hash ([Key], Field, Value)
SELECT N'recurring-job:' + j.Id, N'LastJobId', CAST(MAX(j.JobId) AS nvarchar(20)) FROM @job AS j GROUP BY j.Id;

SELECT j.JobId, j.Queue FROM @job AS j ORDER BY j.Rank;
