-- First half of the exchange batch: writes the outcomes of finished jobs. claim.sql goes on in the same transaction.
-- @P1 [{"j": job, "f": fence, "q": queue, "i": queue row, "s": new state, "r": reason, "d": {the state's data without its time},
--       "w": delay before the retry in ms, "n": retry count, "x": 1 if the server died alone}]
-- @P9 seconds until a succeeded job expires
-- In joins of a few rows with a whole table the few stand first: local-sql has no statistics and keeps the order.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @unixMs bigint = DATEDIFF_BIG(millisecond, '1970-01-01', @now);
DECLARE @at nvarchar(20) = CAST(@unixMs AS nvarchar(20));
DECLARE @day nvarchar(10) = CONVERT(nvarchar(10), @now, 120);
DECLARE @hour nvarchar(13) = REPLACE(CONVERT(nvarchar(13), @now, 120), N' ', N'-');
DECLARE @succeeded int = 0;
DECLARE @failed int = 0;
DECLARE @ack TABLE (
    JobId bigint NOT NULL, StateId bigint NOT NULL, Queue nvarchar(50) NOT NULL, QueueId bigint NOT NULL,
    Name nvarchar(20) NOT NULL, Reason nvarchar(100) NULL, Data nvarchar(max) NULL,
    DelayMs bigint NULL, RetryCount int NULL, Died bit NULL,
    PRIMARY KEY (JobId, StateId)
);
DECLARE @done TABLE (JobId bigint NOT NULL PRIMARY KEY, StateId bigint NOT NULL);
DECLARE @state TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY, Name nvarchar(20) NOT NULL);
DECLARE @released TABLE (JobId bigint NOT NULL PRIMARY KEY, Queue nvarchar(50) NOT NULL, QueueId bigint NOT NULL);
DECLARE @freed TABLE ([Key] nvarchar(250) NOT NULL PRIMARY KEY, Places int NOT NULL);
DECLARE @back TABLE (JobId bigint NOT NULL PRIMARY KEY, Queue nvarchar(50) NOT NULL);
DECLARE @freedKey nvarchar(250);
DECLARE @freedPlaces int;
DECLARE @suspects int = 0;
DECLARE @retry TABLE (
    JobId bigint NOT NULL PRIMARY KEY, Plain nvarchar(20) NOT NULL, Member nvarchar(256) NOT NULL,
    Score float NOT NULL, RetryCount int NOT NULL
);

BEGIN TRANSACTION;

IF @P1 <> N'[]'
BEGIN
    INSERT INTO @ack (JobId, StateId, Queue, QueueId, Name, Reason, Data, DelayMs, RetryCount, Died)
    SELECT a.JobId, a.StateId, a.Queue, a.QueueId, a.Name, a.Reason, JSON_QUERY(x.value, '$.d'), a.DelayMs,
        a.RetryCount, a.Died
    FROM OPENJSON(@P1) AS x CROSS APPLY OPENJSON(x.value) WITH (
        JobId bigint '$.j', StateId bigint '$.f', Queue nvarchar(50) '$.q', QueueId bigint '$.i', Name nvarchar(20) '$.s',
        Reason nvarchar(100) '$.r', DelayMs bigint '$.w', RetryCount int '$.n', Died bit '$.x'
    ) AS a;

    -- The fence. What is missing from @done afterwards was not ours any more, and nothing below touches it.
    -- (It changes nothing yet: it locks the rows that pass. The new state's id is not known before its row exists.)
    UPDATE j SET j.ExpireAt = NULL
    OUTPUT inserted.Id, inserted.StateId INTO @done (JobId, StateId)
    FROM HangFire.Job AS j INNER JOIN @ack AS a ON a.JobId = j.Id
    WHERE j.StateId = a.StateId AND j.StateName = N'Processing';

    -- Hangfire writes the state that a retry passes over into the history as well: it carries the exception.
    INSERT INTO HangFire.State (JobId, Name, Reason, CreatedAt, Data)
    SELECT a.JobId, N'Failed', N'An exception occurred during performance of the job.', @now,
        N'{"FailedAt":"' + @at + N'",' + SUBSTRING(a.Data, 2, LEN(a.Data))
    FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId
    WHERE a.Name = N'Scheduled'
    ORDER BY a.JobId;

    INSERT INTO HangFire.State (JobId, Name, Reason, CreatedAt, Data)
    OUTPUT inserted.Id, inserted.JobId, inserted.Name INTO @state (Id, JobId, Name)
    SELECT a.JobId, a.Name, a.Reason, @now,
        CASE a.Name
            WHEN N'Succeeded' THEN N'{"SucceededAt":"' + @at + N'",' + SUBSTRING(a.Data, 2, LEN(a.Data))
            WHEN N'Failed' THEN N'{"FailedAt":"' + @at + N'",' + SUBSTRING(a.Data, 2, LEN(a.Data))
            WHEN N'Scheduled' THEN N'{"EnqueueAt":"' + CAST(@unixMs + a.DelayMs AS nvarchar(20))
                + N'","ScheduledAt":"' + @at + N'"}'
            ELSE N'{"EnqueuedAt":"' + @at + N'","Queue":"' + a.Queue + N'"}'
        END
    FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId
    ORDER BY a.JobId;

    UPDATE j SET j.StateId = s.Id, j.StateName = s.Name,
        j.ExpireAt = CASE WHEN s.Name = N'Succeeded' THEN DATEADD(second, @P9, @now) ELSE NULL END
    FROM @state AS s INNER JOIN HangFire.Job AS j ON j.Id = s.JobId;

    -- Queue rows: gone when the job left the queue, free again when it was given back.
    DELETE q
    FROM HangFire.JobQueue AS q
        INNER JOIN @ack AS a ON a.Queue = q.Queue AND a.QueueId = q.Id AND a.JobId = q.JobId
        INNER JOIN @done AS d ON d.JobId = a.JobId AND d.StateId = a.StateId
    WHERE a.Name <> N'Enqueued';

    UPDATE q SET q.FetchedAt = NULL
    FROM HangFire.JobQueue AS q
        INNER JOIN @ack AS a ON a.Queue = q.Queue AND a.QueueId = q.Id AND a.JobId = q.JobId
        INNER JOIN @done AS d ON d.JobId = a.JobId AND d.StateId = a.StateId
    WHERE a.Name = N'Enqueued';

    INSERT INTO HangFire.JobQueue (JobId, Queue)
    SELECT a.JobId, a.Queue
    FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId
    WHERE a.Name = N'Enqueued' AND NOT EXISTS (
        SELECT 1 FROM HangFire.JobQueue AS q WHERE q.Queue = a.Queue AND q.Id = a.QueueId AND q.JobId = a.JobId);

    -- A lease that is still under our fence ends here. If the job went elsewhere meanwhile (a dashboard gave it a new
    -- state), the queue row that we hold is surplus; under Processing it may be the new owner's, so it stays.
    DELETE l
    OUTPUT deleted.JobId, deleted.Queue, deleted.QueueId INTO @released (JobId, Queue, QueueId)
    FROM Jobs.Lease AS l INNER JOIN @ack AS a ON a.JobId = l.JobId
    WHERE l.StateId = a.StateId;

    DELETE q
    FROM HangFire.JobQueue AS q
        INNER JOIN @released AS r ON r.Queue = q.Queue AND r.QueueId = q.Id AND r.JobId = q.JobId
    WHERE NOT EXISTS (SELECT 1 FROM @done AS d WHERE d.JobId = r.JobId)
        AND EXISTS (SELECT 1 FROM HangFire.Job AS j WHERE j.Id = r.JobId AND j.StateName <> N'Processing');

    -- Places under limits are free again: as many of those that wait for one go back into their queues.
    INSERT INTO @freed ([Key], Places)
    SELECT p.[Key], COUNT(*) FROM Jobs.LimitPlace AS p INNER JOIN @ack AS a ON a.StateId = p.StateId GROUP BY p.[Key];

    IF EXISTS (SELECT 1 FROM @freed)
    BEGIN
        -- Whoever puts a job of the key on the shelf has done so before this, or will see the free place.
        UPDATE l SET l.Touched = l.Touched + 1 FROM Jobs.Limit AS l INNER JOIN @freed AS f ON f.[Key] = l.[Key];
        UPDATE p SET p.JobId = NULL, p.StateId = NULL
        FROM Jobs.LimitPlace AS p INNER JOIN @ack AS a ON a.StateId = p.StateId;

        WHILE EXISTS (SELECT 1 FROM @freed)
        BEGIN
            SELECT TOP (1) @freedKey = f.[Key], @freedPlaces = f.Places FROM @freed AS f ORDER BY f.[Key];
            INSERT INTO @back (JobId, Queue)
            SELECT TOP (@freedPlaces) s.JobId, s.Queue
            FROM Jobs.Shelf AS s
            WHERE s.Reason = N'limit' AND s.[Key] = @freedKey
            ORDER BY s.JobId;
            DELETE f FROM @freed AS f WHERE f.[Key] = @freedKey;
        END;
        DELETE s FROM Jobs.Shelf AS s INNER JOIN @back AS b ON b.JobId = s.JobId;
        INSERT INTO HangFire.JobQueue (JobId, Queue) SELECT b.JobId, b.Queue FROM @back AS b ORDER BY b.JobId;
    END;

    -- Retries. The member names the queue, so that a .NET scheduler can move it without loading our type.
    INSERT INTO @retry (JobId, Plain, Member, Score, RetryCount)
    SELECT a.JobId, CAST(a.JobId AS nvarchar(20)), a.Queue + N':' + CAST(a.JobId AS nvarchar(20)),
        CAST((@unixMs + a.DelayMs) / 1000 AS float), a.RetryCount
    FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId
    WHERE a.Name = N'Scheduled';

    IF EXISTS (SELECT 1 FROM @retry)
    BEGIN
        DELETE s FROM HangFire.[Set] AS s INNER JOIN @retry AS r ON r.Member = s.Value WHERE s.[Key] = N'schedule';
        INSERT INTO HangFire.[Set] ([Key], Score, Value) SELECT N'schedule', r.Score, r.Member FROM @retry AS r;

        DELETE s FROM HangFire.[Set] AS s INNER JOIN @retry AS r ON r.Plain = s.Value WHERE s.[Key] = N'retries';
        INSERT INTO HangFire.[Set] ([Key], Score, Value) SELECT N'retries', 0, r.Plain FROM @retry AS r;

        DELETE p FROM @retry AS r INNER JOIN HangFire.JobParameter AS p ON p.JobId = r.JobId
        WHERE p.Name = N'RetryCount';
        INSERT INTO HangFire.JobParameter (JobId, Name, Value)
        SELECT r.JobId, N'RetryCount', CAST(r.RetryCount AS nvarchar(10)) FROM @retry AS r;
    END;

    -- Deaths of the process that ran the job: counted for given-back jobs, forgotten with success. A job whose process died
    -- twice is suspect: no two of them run at a time (a limit), and when a process dies that ran one, its neighbours are
    -- not counted. So whoever merely stood beside is not parked with it.
    IF EXISTS (SELECT 1 FROM @ack AS a WHERE a.Died = 1)
    BEGIN
        SELECT @suspects = COUNT(*)
        FROM Jobs.Delivery AS v INNER JOIN @ack AS a ON a.JobId = v.JobId
            INNER JOIN @done AS d ON d.JobId = a.JobId AND d.StateId = a.StateId
        WHERE a.Died = 1 AND v.Deaths >= 2;

        UPDATE v SET v.Deaths = v.Deaths + 1, v.LastAt = @now
        FROM Jobs.Delivery AS v INNER JOIN @ack AS a ON a.JobId = v.JobId
            INNER JOIN @done AS d ON d.JobId = a.JobId AND d.StateId = a.StateId
        WHERE a.Died = 1 AND (@suspects = 0 OR v.Deaths >= 2);

        INSERT INTO Jobs.Delivery (JobId, Deaths)
        SELECT a.JobId, 1
        FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId
        WHERE a.Died = 1 AND @suspects = 0
            AND NOT EXISTS (SELECT 1 FROM Jobs.Delivery AS v WHERE v.JobId = a.JobId);

        INSERT INTO Jobs.JobLimit (JobId, [Key])
        SELECT v.JobId, N'#suspect'
        FROM Jobs.Delivery AS v INNER JOIN @ack AS a ON a.JobId = v.JobId
        WHERE a.Died = 1 AND v.Deaths >= 2
            AND NOT EXISTS (SELECT 1 FROM Jobs.JobLimit AS m WHERE m.JobId = v.JobId);
    END;

    DELETE v FROM Jobs.Delivery AS v INNER JOIN @ack AS a ON a.JobId = v.JobId
        INNER JOIN @done AS d ON d.JobId = a.JobId AND d.StateId = a.StateId
    WHERE a.Name = N'Succeeded';

    -- Counters: one row per key and batch, not per job.
    SELECT @succeeded = COUNT(*)
    FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId WHERE a.Name = N'Succeeded';
    SELECT @failed = COUNT(*)
    FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId WHERE a.Name = N'Failed';

    IF @succeeded > 0
        INSERT INTO HangFire.Counter ([Key], Value, ExpireAt) VALUES
            (N'stats:succeeded', @succeeded, NULL),
            (N'stats:succeeded:' + @day, @succeeded, DATEADD(month, 1, @now)),
            (N'stats:succeeded:' + @hour, @succeeded, DATEADD(day, 1, @now));
    IF @failed > 0
        INSERT INTO HangFire.Counter ([Key], Value, ExpireAt) VALUES
            (N'stats:failed:' + @day, @failed, DATEADD(month, 1, @now)),
            (N'stats:failed:' + @hour, @failed, DATEADD(day, 1, @now));
END;

