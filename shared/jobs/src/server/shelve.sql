-- Takes jobs that no live server runs off the head of a queue, many at once: a claim alone would take them a few at a time,
-- while others wait behind them. One process at a time.
-- @P1 queue   @P2 most rows to look at
-- -> Shelved
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @lock int = 0;
DECLARE @shelved int = 0;
DECLARE @seen TABLE (
    QueueId bigint NOT NULL PRIMARY KEY, JobId bigint NOT NULL, TypeName nvarchar(4000) NULL, Method nvarchar(4000) NULL,
    Handler nvarchar(250) NULL
);
DECLARE @running TABLE (Handler nvarchar(250) NOT NULL PRIMARY KEY);
DECLARE @taken TABLE (QueueId bigint NOT NULL PRIMARY KEY);

BEGIN TRANSACTION;

EXEC @lock = sp_getapplock @Resource = N'HangFire:Jobs:shelf', @LockMode = N'Exclusive',
    @LockOwner = N'Transaction', @LockTimeout = 0;

IF @lock >= 0
BEGIN
    INSERT INTO @seen (QueueId, JobId, TypeName, Method)
    SELECT q.Id, q.JobId,
        CASE WHEN ISJSON(j.InvocationData) = 1
            THEN COALESCE(JSON_VALUE(j.InvocationData, '$.t'), JSON_VALUE(j.InvocationData, '$.Type')) END,
        CASE WHEN ISJSON(j.InvocationData) = 1
            THEN COALESCE(JSON_VALUE(j.InvocationData, '$.m'), JSON_VALUE(j.InvocationData, '$.Method')) END
    FROM (SELECT TOP (@P2) r.Id, r.JobId FROM HangFire.JobQueue AS r
          WHERE r.Queue = @P1 AND r.FetchedAt IS NULL ORDER BY r.Id) AS q
        INNER JOIN HangFire.Job AS j ON j.Id = q.JobId
    WHERE j.StateName IN (N'Enqueued', N'Scheduled');

    -- As in claim.sql. What cannot be read stays: it is claimed, and fails with the reason.
    UPDATE s SET s.Handler = LEFT(
            CASE WHEN CHARINDEX(N',', s.TypeName, CHARINDEX(N',', s.TypeName) + 1) > 0
                THEN LEFT(s.TypeName, CHARINDEX(N',', s.TypeName, CHARINDEX(N',', s.TypeName) + 1) - 1)
                ELSE s.TypeName END + N'::' + s.Method, 250)
    FROM @seen AS s;

    INSERT INTO @running (Handler)
    SELECT DISTINCT t.Handler
    FROM Jobs.ServerHandler AS t INNER JOIN Jobs.ServerQueue AS r ON r.ServerId = t.ServerId
    WHERE r.Queue = @P1;
    DELETE s FROM @seen AS s
    WHERE s.Handler IS NULL OR EXISTS (SELECT 1 FROM @running AS r WHERE r.Handler = s.Handler);
END;

IF EXISTS (SELECT 1 FROM @seen)
BEGIN
    -- Only what nobody has claimed meanwhile.
    UPDATE q SET q.FetchedAt = GETUTCDATE()
    OUTPUT inserted.Id INTO @taken (QueueId)
    FROM HangFire.JobQueue AS q INNER JOIN @seen AS s ON s.QueueId = q.Id
    WHERE q.Queue = @P1 AND q.FetchedAt IS NULL;

    INSERT INTO Jobs.Shelf (JobId, Queue, Reason, [Key])
    SELECT s.JobId, @P1, N'handler', MAX(s.Handler)
    FROM @seen AS s INNER JOIN @taken AS t ON t.QueueId = s.QueueId
    WHERE NOT EXISTS (SELECT 1 FROM Jobs.Shelf AS o WHERE o.JobId = s.JobId)
    GROUP BY s.JobId;
    DELETE q FROM HangFire.JobQueue AS q INNER JOIN @taken AS t ON t.QueueId = q.Id WHERE q.Queue = @P1;
    SELECT @shelved = COUNT(*) FROM @taken AS t;
END;

COMMIT TRANSACTION;

SELECT @shelved AS Shelved;
