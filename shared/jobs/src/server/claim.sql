-- Second half of the exchange batch: claims jobs for the free slots, commits, answers.
-- @P2 free slots   @P3 ["queue", …] in order of precedence   @P4 ["handler", …] that this server runs
-- @P5 server   @P6 members of the Processing data after StartedAt   @P7 lease in ms
-- @P8 1 = also take over expired leases   @P10 a random negative number: marks the places under limits that are granted
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
    Known bit NOT NULL, LimitKey nvarchar(250) NULL, Place int NULL
);
DECLARE @limit TABLE ([Key] nvarchar(250) NOT NULL PRIMARY KEY, Wanted int NOT NULL, Places int NOT NULL, Asked bit NOT NULL);
DECLARE @dead TABLE (StateId bigint NOT NULL PRIMARY KEY);
DECLARE @shelved TABLE (JobId bigint NOT NULL PRIMARY KEY);
DECLARE @limitKey nvarchar(250);
DECLARE @wanted int;
DECLARE @places int;
DECLARE @claimed TABLE (JobId bigint NOT NULL PRIMARY KEY);
DECLARE @processing TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);

IF @P2 > 0
BEGIN
    INSERT INTO @queue (Ordinal, Name)
    SELECT ROW_NUMBER() OVER (ORDER BY CAST(x.[key] AS int)) - 1, x.value FROM OPENJSON(@P3) AS x
    WHERE NOT EXISTS (SELECT 1 FROM Jobs.PausedQueue AS p WHERE p.Queue = x.value);
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

    -- Limits: as many are claimed as there are free places, the others go on the shelf.
    IF EXISTS (SELECT 1 FROM @candidate AS c INNER JOIN Jobs.JobLimit AS m ON m.JobId = c.JobId WHERE c.Known = 1)
    BEGIN
        UPDATE c SET c.LimitKey = m.[Key], c.Known = 0
        FROM @candidate AS c INNER JOIN Jobs.JobLimit AS m ON m.JobId = c.JobId
        WHERE c.Known = 1;

        INSERT INTO @limit ([Key], Wanted, Places, Asked)
        SELECT c.LimitKey, COUNT(*), 0, 0 FROM @candidate AS c WHERE c.LimitKey IS NOT NULL GROUP BY c.LimitKey;

        -- From here on nobody else grants or frees places of these keys.
        UPDATE l SET l.Touched = l.Touched + 1 FROM Jobs.Limit AS l INNER JOIN @limit AS x ON x.[Key] = l.[Key];
        UPDATE x SET x.Places = l.Places FROM @limit AS x INNER JOIN Jobs.Limit AS l ON l.[Key] = x.[Key];

        -- Free as well: places of jobs that ended or were requeued without us (what is no job's state any more never is
        -- again), and the places of those that are being taken over.
        INSERT INTO @dead (StateId)
        SELECT p.StateId
        FROM Jobs.LimitPlace AS p INNER JOIN @limit AS x ON x.[Key] = p.[Key]
        WHERE p.StateId IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM HangFire.Job AS j
            WHERE j.Id = p.JobId AND j.StateId = p.StateId AND j.StateName = N'Processing'
                AND NOT EXISTS (SELECT 1 FROM @candidate AS c WHERE c.StateId = j.StateId));
        UPDATE p SET p.JobId = NULL, p.StateId = NULL
        FROM Jobs.LimitPlace AS p INNER JOIN @dead AS d ON d.StateId = p.StateId;

        WHILE EXISTS (SELECT 1 FROM @limit AS x WHERE x.Asked = 0)
        BEGIN
            SELECT TOP (1) @limitKey = x.[Key], @wanted = x.Wanted, @places = x.Places
            FROM @limit AS x WHERE x.Asked = 0 ORDER BY x.[Key];
            UPDATE TOP (@wanted) p SET p.StateId = @P10
            FROM Jobs.LimitPlace AS p
            WHERE p.[Key] = @limitKey AND p.Place <= @places AND p.StateId IS NULL;
            UPDATE x SET x.Asked = 1 FROM @limit AS x WHERE x.[Key] = @limitKey;
        END;

        -- The n-th of a key gets the n-th place; whoever is taken over comes first: it had one.
        UPDATE c SET c.Known = 1, c.Place = g.Place
        FROM @candidate AS c
            INNER JOIN (
                SELECT o.QueueId, o.LimitKey, ROW_NUMBER() OVER (PARTITION BY o.LimitKey
                    ORDER BY CASE o.StateName WHEN N'Processing' THEN 0 ELSE 1 END, o.QueueId) AS Turn
                FROM @candidate AS o WHERE o.LimitKey IS NOT NULL
            ) AS t ON t.QueueId = c.QueueId
            INNER JOIN (
                SELECT p.[Key], p.Place, ROW_NUMBER() OVER (PARTITION BY p.[Key] ORDER BY p.Place) AS Turn
                FROM Jobs.LimitPlace AS p INNER JOIN @limit AS x ON x.[Key] = p.[Key] WHERE p.StateId = @P10
            ) AS g ON g.[Key] = t.LimitKey AND g.Turn = t.Turn;
    END;

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
    FROM @processing AS p INNER JOIN HangFire.Job AS j ON j.Id = p.JobId;

    DELETE l FROM Jobs.Lease AS l INNER JOIN @claimed AS c ON c.JobId = l.JobId;
    INSERT INTO Jobs.Lease (JobId, StateId, Queue, QueueId, ServerId, RenewedAt)
    SELECT c.JobId, p.Id, c.Queue, c.QueueId, @P5, @now
    FROM @candidate AS c INNER JOIN @processing AS p ON p.JobId = c.JobId;

    DELETE h FROM @claimed AS c INNER JOIN Jobs.Hold AS h ON h.JobId = c.JobId;
    DELETE s FROM @claimed AS c INNER JOIN Jobs.Shelf AS s ON s.JobId = c.JobId;

    IF EXISTS (SELECT 1 FROM @limit)
    BEGIN
        UPDATE p SET p.JobId = c.JobId, p.StateId = r.Id
        FROM Jobs.LimitPlace AS p
            INNER JOIN @candidate AS c ON c.LimitKey = p.[Key] AND c.Place = p.Place
            INNER JOIN @processing AS r ON r.JobId = c.JobId
        WHERE p.StateId = @P10;
        -- Granted to one whose state changed under us.
        UPDATE p SET p.StateId = NULL
        FROM Jobs.LimitPlace AS p INNER JOIN @limit AS x ON x.[Key] = p.[Key] WHERE p.StateId = @P10;
    END;

    -- Over its limit, or of a type that nobody runs: off the queue, so that no claim meets it again. What is Processing
    -- keeps its row.
    INSERT INTO @shelved (JobId)
    SELECT c.JobId
    FROM @candidate AS c
    WHERE c.Known = 0 AND c.StateName <> N'Processing' AND (c.LimitKey IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM Jobs.ServerHandler AS t INNER JOIN Jobs.ServerQueue AS r ON r.ServerId = t.ServerId
        WHERE t.Handler = c.Handler AND r.Queue = c.Queue));

    IF EXISTS (SELECT 1 FROM @shelved)
    BEGIN
        INSERT INTO Jobs.Shelf (JobId, Queue, Reason, [Key])
        SELECT c.JobId, c.Queue, CASE WHEN c.LimitKey IS NULL THEN N'handler' ELSE N'limit' END,
            COALESCE(c.LimitKey, c.Handler)
        FROM @candidate AS c INNER JOIN @shelved AS o ON o.JobId = c.JobId
        WHERE NOT EXISTS (SELECT 1 FROM Jobs.Shelf AS s WHERE s.JobId = c.JobId);

        DELETE q
        FROM HangFire.JobQueue AS q
            INNER JOIN @candidate AS c ON c.Queue = q.Queue AND c.QueueId = q.Id
            INNER JOIN @shelved AS o ON o.JobId = c.JobId;
        DELETE h FROM @shelved AS o INNER JOIN Jobs.Hold AS h ON h.JobId = o.JobId;
        SELECT @held = COUNT(*) FROM @shelved AS o;
    END;

    -- Neither claimed nor shelved: other servers run it, or the state changed under us. The next claim decides on settled
    -- rows. A running job that is over a lowered limit is looked at again after another lease.
    UPDATE q SET q.FetchedAt = NULL
    FROM HangFire.JobQueue AS q INNER JOIN @candidate AS c ON c.Queue = q.Queue AND c.QueueId = q.Id
    WHERE NOT EXISTS (SELECT 1 FROM @claimed AS o WHERE o.JobId = c.JobId)
        AND NOT (c.StateName = N'Processing' AND c.LimitKey IS NOT NULL);

    INSERT INTO Jobs.Hold (JobId, Reason, [Key])
    SELECT c.JobId, N'handler', c.Handler
    FROM @candidate AS c
    WHERE c.Known = 0 AND c.LimitKey IS NULL
        AND NOT EXISTS (SELECT 1 FROM @shelved AS o WHERE o.JobId = c.JobId)
        AND NOT EXISTS (SELECT 1 FROM Jobs.Hold AS h WHERE h.JobId = c.JobId);

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
FROM @claimed AS c INNER JOIN HangFire.JobParameter AS p ON p.JobId = c.JobId;

SELECT DISTINCT c.Queue FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId WHERE c.Target = N'Enqueued';
