-- Part of a batch and its transaction: turns the jobs that wait for those in @finished (JobId, Name, Round 0). What is to
-- run is enqueued or scheduled, what is not to run is deleted, and so on for what waits for that in turn.
-- Needs @now, @unixMs, @at, @day, @hour, @keepSecs, @finished. Leaves @child, @turned.
DECLARE @round int = 0;
DECLARE @unrun int = 0;
DECLARE @child TABLE (
    JobId bigint NOT NULL PRIMARY KEY, Met bit NOT NULL, Round int NOT NULL, StateId bigint NOT NULL,
    InvocationData nvarchar(max) NOT NULL, Target nvarchar(20) NULL, Next nvarchar(4000) NULL, Queue nvarchar(50) NULL,
    DueMs bigint NULL
);
DECLARE @turned TABLE (JobId bigint NOT NULL PRIMARY KEY);
DECLARE @turnedState TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);

-- Chains are followed this far; the rest of a longer one is the sweep's.
WHILE @round < 100 AND EXISTS (SELECT 1 FROM @finished AS f WHERE f.Round = @round)
BEGIN
    INSERT INTO @child (JobId, Met, Round, StateId, InvocationData)
    SELECT j.Id, d.Met, @round, j.StateId, j.InvocationData
    FROM (
        SELECT TRY_CAST(c.JobId AS bigint) AS JobId,
            MAX(CASE
                WHEN p.Name = N'FailureContinuations' THEN CASE WHEN f.Name = N'Failed' THEN 1 ELSE 0 END
                WHEN COALESCE(c.Options, N'0') IN (N'0', N'OnAnyFinishedState') THEN 1
                WHEN c.Options IN (N'1', N'OnlyOnSucceededState') AND f.Name = N'Succeeded' THEN 1
                WHEN c.Options IN (N'2', N'OnlyOnDeletedState') AND f.Name = N'Deleted' THEN 1
                ELSE 0 END) AS Met
        FROM @finished AS f
            INNER JOIN HangFire.JobParameter AS p
                ON p.JobId = f.JobId AND p.Name IN (N'Continuations', N'FailureContinuations')
            CROSS APPLY OPENJSON(CASE WHEN ISJSON(p.Value) = 1 THEN p.Value ELSE N'[]' END)
                WITH (JobId nvarchar(20) '$.JobId', Options nvarchar(40) '$.Options') AS c
        -- A failed job has not ended, it may be tried again: only what waits for the failure starts.
        WHERE f.Round = @round AND (f.Name <> N'Failed' OR p.Name = N'FailureContinuations')
        GROUP BY TRY_CAST(c.JobId AS bigint)
    ) AS d INNER JOIN HangFire.Job AS j ON j.Id = d.JobId
    WHERE j.StateName = N'Awaiting' AND NOT EXISTS (SELECT 1 FROM @child AS o WHERE o.JobId = j.Id);

    -- The next state is JSON in a string; Babelfish leaves the escapes in it.
    UPDATE c SET c.Next = REPLACE(JSON_VALUE(s.Data, '$.NextState'), N'\"', N'"')
    FROM @child AS c INNER JOIN HangFire.State AS s ON s.JobId = c.JobId AND s.Id = c.StateId
    WHERE c.Round = @round AND c.Met = 1 AND ISJSON(s.Data) = 1;
    UPDATE c SET c.Queue = JSON_VALUE(c.Next, '$.Queue')
    FROM @child AS c WHERE c.Round = @round AND ISJSON(c.Next) = 1;
    UPDATE c SET c.DueMs = DATEDIFF_BIG(millisecond, '1970-01-01',
            TRY_CAST(REPLACE(JSON_VALUE(c.Next, '$.EnqueueAt'), N'Z', N'') AS datetime2(7)))
    FROM @child AS c WHERE c.Round = @round AND ISJSON(c.Next) = 1 AND CHARINDEX(N'.ScheduledState', c.Next) > 0;
    UPDATE c SET c.Queue = COALESCE(JSON_VALUE(c.InvocationData, '$.q'), JSON_VALUE(c.InvocationData, '$.Queue'))
    FROM @child AS c WHERE c.Round = @round AND c.Queue IS NULL AND ISJSON(c.InvocationData) = 1;
    UPDATE c SET c.Queue = COALESCE(c.Queue, N'default'),
        c.Target = CASE WHEN c.Met = 0 THEN N'Deleted' WHEN c.DueMs > @unixMs THEN N'Scheduled' ELSE N'Enqueued' END
    FROM @child AS c WHERE c.Round = @round;

    -- Changes nothing yet, it locks the rows that pass: Babelfish takes no value of another table beside OUTPUT.
    UPDATE j SET j.ExpireAt = NULL
    OUTPUT inserted.Id INTO @turned (JobId)
    FROM HangFire.Job AS j INNER JOIN @child AS c ON c.JobId = j.Id
    WHERE j.StateName = N'Awaiting' AND c.Round = @round;

    INSERT INTO HangFire.State (JobId, Name, Reason, CreatedAt, Data)
    OUTPUT inserted.Id, inserted.JobId INTO @turnedState (Id, JobId)
    SELECT c.JobId, c.Target,
        CASE WHEN c.Met = 0 THEN N'Continuation condition was not met' ELSE N'Triggered by continuation' END, @now,
        CASE c.Target
            WHEN N'Deleted' THEN N'{"DeletedAt":"' + @at + N'"}'
            WHEN N'Scheduled' THEN N'{"EnqueueAt":"' + CAST(c.DueMs AS nvarchar(20)) + N'","ScheduledAt":"' + @at + N'"}'
            ELSE N'{"EnqueuedAt":"' + @at + N'","Queue":"' + c.Queue + N'"}' END
    FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId
    WHERE c.Round = @round
    ORDER BY c.JobId;

    UPDATE j SET j.StateId = s.Id, j.StateName = c.Target,
        j.ExpireAt = CASE WHEN c.Met = 0 THEN DATEADD(second, @keepSecs, @now) ELSE NULL END
    FROM @turnedState AS s
        INNER JOIN HangFire.Job AS j ON j.Id = s.JobId
        INNER JOIN @child AS c ON c.JobId = s.JobId
    WHERE c.Round = @round;

    INSERT INTO HangFire.JobQueue (JobId, Queue)
    SELECT c.JobId, c.Queue
    FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId
    WHERE c.Round = @round AND c.Target = N'Enqueued'
    ORDER BY c.JobId;

    INSERT INTO HangFire.[Set] ([Key], Score, Value)
    SELECT N'schedule', CAST((c.DueMs + 999) / 1000 AS float), c.Queue + N':' + CAST(c.JobId AS nvarchar(20))
    FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId
    WHERE c.Round = @round AND c.Target = N'Scheduled';

    -- .NET below level 180 keeps a set of them.
    DELETE s
    FROM HangFire.[Set] AS s INNER JOIN @turned AS t ON s.Value = CAST(t.JobId AS nvarchar(20))
    WHERE s.[Key] = N'awaiting';

    SELECT @unrun = COUNT(*)
    FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId WHERE c.Round = @round AND c.Target = N'Deleted';
    IF @unrun > 0
        INSERT INTO HangFire.Counter ([Key], Value, ExpireAt) VALUES
            (N'stats:deleted', @unrun, NULL),
            (N'stats:deleted:' + @day, @unrun, DATEADD(month, 1, @now)),
            (N'stats:deleted:' + @hour, @unrun, DATEADD(day, 1, @now));

    INSERT INTO @finished (JobId, Name, Round)
    SELECT c.JobId, N'Deleted', @round + 1
    FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId
    WHERE c.Round = @round AND c.Target = N'Deleted'
        AND NOT EXISTS (SELECT 1 FROM @finished AS f WHERE f.JobId = c.JobId);

    SET @round = @round + 1;
END;

