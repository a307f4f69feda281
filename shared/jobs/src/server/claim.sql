-- Second half of the exchange batch: claims jobs for the free slots, commits, answers.
-- @P2 free slots   @P3 ["queue", …] in order of precedence   @P4 ["handler", …] that this server runs
-- @P5 server   @P6 members of the Processing data after StartedAt   @P7 lease in ms
-- @P8 1 = also take over expired leases
DECLARE @fetched datetime = @now;
DECLARE @expired datetime = DATEADD(millisecond, -@P7, @now);
DECLARE @left int = @P2;
DECLARE @next int = 0;
DECLARE @queues int = 0;
DECLARE @name nvarchar(50);
DECLARE @held int = 0;
DECLARE @queue TABLE (Ordinal int NOT NULL PRIMARY KEY, Name nvarchar(50) NOT NULL);
DECLARE @handler TABLE (Name nvarchar(250) NOT NULL PRIMARY KEY);
DECLARE @taken TABLE (QueueId bigint NOT NULL PRIMARY KEY, JobId bigint NOT NULL, Queue nvarchar(50) NOT NULL);
DECLARE @candidate TABLE (
    QueueId bigint NOT NULL PRIMARY KEY, JobId bigint NOT NULL, Queue nvarchar(50) NOT NULL, StateId bigint NOT NULL,
    StateName nvarchar(20) NOT NULL, TypeName nvarchar(4000) NULL, Method nvarchar(4000) NULL, Handler nvarchar(250) NULL,
    Known bit NOT NULL
);
DECLARE @claimed TABLE (JobId bigint NOT NULL PRIMARY KEY);
DECLARE @processing TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);

IF @P2 > 0
BEGIN
    INSERT INTO @queue (Ordinal, Name) SELECT CAST(x.[key] AS int), x.value FROM OPENJSON(@P3) AS x;
    INSERT INTO @handler (Name) SELECT x.Name FROM OPENJSON(@P4) WITH (Name nvarchar(250) '$') AS x;
    SELECT @queues = COUNT(*) FROM @queue;

    WHILE @next < @queues AND @left > 0
    BEGIN
        SELECT @name = q.Name FROM @queue AS q WHERE q.Ordinal = @next;
        SET @next = @next + 1;

        IF @P8 = 1
        BEGIN
            UPDATE TOP (@left) q SET q.FetchedAt = @fetched
            OUTPUT inserted.Id, inserted.JobId, inserted.Queue INTO @taken (QueueId, JobId, Queue)
            FROM HangFire.JobQueue AS q WITH (READPAST, UPDLOCK, ROWLOCK)
            WHERE q.Queue = @name AND q.FetchedAt < @expired;
            SET @left = @left - @@ROWCOUNT;
        END;

        IF @left > 0
        BEGIN
            UPDATE TOP (@left) q SET q.FetchedAt = @fetched
            OUTPUT inserted.Id, inserted.JobId, inserted.Queue INTO @taken (QueueId, JobId, Queue)
            FROM HangFire.JobQueue AS q WITH (READPAST, UPDLOCK, ROWLOCK)
            WHERE q.Queue = @name AND q.FetchedAt IS NULL
                AND NOT EXISTS (SELECT 1 FROM Jobs.Hold AS h WHERE h.JobId = q.JobId
                                AND NOT EXISTS (SELECT 1 FROM @handler AS t WHERE t.Name = h.[Key]));
            SET @left = @left - @@ROWCOUNT;
        END;
    END;
END;

IF EXISTS (SELECT 1 FROM @taken)
BEGIN
    -- A job may be taken if it waits, or if it is Processing through exactly this queue row. Without a lease of ours
    -- its owner was a .NET worker, whose claim names no row.
    INSERT INTO @candidate (QueueId, JobId, Queue, StateId, StateName, TypeName, Method, Known)
    SELECT t.QueueId, t.JobId, t.Queue, j.StateId, j.StateName,
        CASE WHEN ISJSON(j.InvocationData) = 1
            THEN COALESCE(JSON_VALUE(j.InvocationData, '$.t'), JSON_VALUE(j.InvocationData, '$.Type')) END,
        CASE WHEN ISJSON(j.InvocationData) = 1
            THEN COALESCE(JSON_VALUE(j.InvocationData, '$.m'), JSON_VALUE(j.InvocationData, '$.Method')) END,
        0
    FROM @taken AS t
        INNER JOIN HangFire.Job AS j ON j.Id = t.JobId
        LEFT JOIN Jobs.Lease AS l ON l.JobId = j.Id AND l.StateId = j.StateId
    WHERE j.StateName IN (N'Enqueued', N'Scheduled')
        OR (j.StateName = N'Processing' AND (l.QueueId IS NULL OR l.QueueId = t.QueueId));

    DELETE c FROM @candidate AS c
    WHERE EXISTS (SELECT 1 FROM @candidate AS o WHERE o.JobId = c.JobId AND o.QueueId < c.QueueId);

    -- "Namespace.Type, Assembly, Version=…" counts as "Namespace.Type, Assembly". What cannot be read at all is
    -- claimed: it fails with the reason instead of waiting for a handler for ever.
    UPDATE c SET c.Handler = LEFT(
            CASE WHEN CHARINDEX(N',', c.TypeName, CHARINDEX(N',', c.TypeName) + 1) > 0
                THEN LEFT(c.TypeName, CHARINDEX(N',', c.TypeName, CHARINDEX(N',', c.TypeName) + 1) - 1)
                ELSE c.TypeName END + N'::' + c.Method, 250)
    FROM @candidate AS c;

    UPDATE c SET c.Known = 1
    FROM @candidate AS c
    WHERE c.Handler IS NULL OR EXISTS (SELECT 1 FROM @handler AS t WHERE t.Name = c.Handler);

    -- Surplus rows: the job is final, gone, or runs through another row.
    DELETE q
    FROM HangFire.JobQueue AS q INNER JOIN @taken AS t ON t.Queue = q.Queue AND t.QueueId = q.Id
    WHERE NOT EXISTS (SELECT 1 FROM @candidate AS c WHERE c.QueueId = t.QueueId);

    UPDATE j SET j.ExpireAt = NULL
    OUTPUT inserted.Id INTO @claimed (JobId)
    FROM HangFire.Job AS j INNER JOIN @candidate AS c ON c.JobId = j.Id
    WHERE j.StateId = c.StateId AND c.Known = 1;

    -- The job's new state, and with it our fence.
    INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data)
    OUTPUT inserted.Id, inserted.JobId INTO @processing (Id, JobId)
    SELECT c.JobId, N'Processing', @now, N'{"StartedAt":"' + @at + N'",' + @P6 + N'}'
    FROM @claimed AS c
    ORDER BY c.JobId;

    UPDATE j SET j.StateId = p.Id, j.StateName = N'Processing'
    FROM HangFire.Job AS j INNER JOIN @processing AS p ON p.JobId = j.Id;

    DELETE l FROM Jobs.Lease AS l INNER JOIN @claimed AS c ON c.JobId = l.JobId;
    INSERT INTO Jobs.Lease (JobId, StateId, Queue, QueueId, ServerId, RenewedAt)
    SELECT c.JobId, p.Id, c.Queue, c.QueueId, @P5, @now
    FROM @candidate AS c INNER JOIN @processing AS p ON p.JobId = c.JobId;

    DELETE h FROM Jobs.Hold AS h INNER JOIN @claimed AS c ON c.JobId = h.JobId;

    -- Not claimed: no handler here, or the state changed under us. The next claim decides on settled rows.
    UPDATE q SET q.FetchedAt = NULL
    FROM HangFire.JobQueue AS q INNER JOIN @candidate AS c ON c.Queue = q.Queue AND c.QueueId = q.Id
    WHERE NOT EXISTS (SELECT 1 FROM @claimed AS o WHERE o.JobId = c.JobId);

    INSERT INTO Jobs.Hold (JobId, Reason, [Key])
    SELECT c.JobId, N'handler', c.Handler
    FROM @candidate AS c
    WHERE c.Known = 0 AND NOT EXISTS (SELECT 1 FROM Jobs.Hold AS h WHERE h.JobId = c.JobId);
    SET @held = @@ROWCOUNT;

    -- A .NET scheduler moves "queue:job" members without a state change, so the job comes here as Scheduled.
    IF EXISTS (SELECT 1 FROM @candidate AS c WHERE c.StateName = N'Scheduled' AND c.Known = 1)
        DELETE s
        FROM HangFire.[Set] AS s INNER JOIN @candidate AS c
            ON s.Value = CAST(c.JobId AS nvarchar(20)) OR s.Value = c.Queue + N':' + CAST(c.JobId AS nvarchar(20))
        WHERE s.[Key] IN (N'schedule', N'retries') AND c.StateName = N'Scheduled' AND c.Known = 1;
END;

COMMIT TRANSACTION;

SELECT @now AS Now, @held AS Held, (SELECT COUNT(*) FROM @taken) AS Taken;

SELECT d.JobId, d.StateId FROM @done AS d;

SELECT c.JobId, p.Id AS StateId, c.Queue, c.QueueId, j.InvocationData, j.Arguments, j.CreatedAt,
    COALESCE(v.Deaths, 0) AS Deaths
FROM @candidate AS c
    INNER JOIN @processing AS p ON p.JobId = c.JobId
    INNER JOIN HangFire.Job AS j ON j.Id = c.JobId
    LEFT JOIN Jobs.Delivery AS v ON v.JobId = c.JobId
ORDER BY c.QueueId;

SELECT p.JobId, p.Name, p.Value
FROM HangFire.JobParameter AS p INNER JOIN @claimed AS c ON c.JobId = p.JobId;

SELECT DISTINCT c.Queue FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId WHERE c.Target = N'Enqueued';
