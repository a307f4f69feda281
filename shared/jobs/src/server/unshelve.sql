-- Puts back into their queues the jobs that need not wait on the shelf any more: a live server of the queue runs the type,
-- or the limit has a free place. One process at a time.
-- @P1 most jobs
-- -> Moved, then the queues that received jobs
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @lock int = 0;
DECLARE @moved int = 0;
DECLARE @key nvarchar(250);
DECLARE @places int;
DECLARE @back TABLE (JobId bigint NOT NULL PRIMARY KEY, Queue nvarchar(50) NOT NULL);
DECLARE @limit TABLE ([Key] nvarchar(250) NOT NULL PRIMARY KEY, Places int NOT NULL);
DECLARE @dead TABLE (StateId bigint NOT NULL PRIMARY KEY);
DECLARE @free TABLE ([Key] nvarchar(250) NOT NULL PRIMARY KEY, Places int NOT NULL);

BEGIN TRANSACTION;

EXEC @lock = sp_getapplock @Resource = N'HangFire:Jobs:shelf', @LockMode = N'Exclusive',
    @LockOwner = N'Transaction', @LockTimeout = 0;

IF @lock >= 0 AND EXISTS (SELECT 1 FROM Jobs.Shelf AS s)
BEGIN
    INSERT INTO @back (JobId, Queue)
    SELECT TOP (@P1) s.JobId, s.Queue
    FROM (SELECT DISTINCT t.Handler, r.Queue
          FROM Jobs.ServerHandler AS t INNER JOIN Jobs.ServerQueue AS r ON r.ServerId = t.ServerId) AS a
        INNER JOIN Jobs.Shelf AS s ON s.Reason = N'handler' AND s.[Key] = a.Handler AND s.Queue = a.Queue
    ORDER BY s.JobId;

    -- Claims and acknowledgements hand places on. This finds those of jobs that ended without us.
    INSERT INTO @limit ([Key], Places)
    SELECT l.[Key], l.Places
    FROM Jobs.Limit AS l
    WHERE EXISTS (SELECT 1 FROM Jobs.Shelf AS s WHERE s.Reason = N'limit' AND s.[Key] = l.[Key]);
    INSERT INTO @dead (StateId)
    SELECT p.StateId
    FROM Jobs.LimitPlace AS p INNER JOIN @limit AS x ON x.[Key] = p.[Key]
    WHERE p.StateId IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM HangFire.Job AS j
        WHERE j.Id = p.JobId AND j.StateId = p.StateId AND j.StateName = N'Processing');
    UPDATE p SET p.JobId = NULL, p.StateId = NULL
    FROM Jobs.LimitPlace AS p INNER JOIN @dead AS d ON d.StateId = p.StateId;
    INSERT INTO @free ([Key], Places)
    SELECT x.[Key], COUNT(*)
    FROM @limit AS x INNER JOIN Jobs.LimitPlace AS p ON p.[Key] = x.[Key] AND p.Place <= x.Places
    WHERE p.StateId IS NULL
    GROUP BY x.[Key];

    WHILE EXISTS (SELECT 1 FROM @free)
    BEGIN
        SELECT TOP (1) @key = f.[Key], @places = f.Places FROM @free AS f ORDER BY f.[Key];
        INSERT INTO @back (JobId, Queue)
        SELECT TOP (@places) s.JobId, s.Queue
        FROM Jobs.Shelf AS s
        WHERE s.Reason = N'limit' AND s.[Key] = @key
        ORDER BY s.JobId;
        DELETE f FROM @free AS f WHERE f.[Key] = @key;
    END;

    DELETE s FROM Jobs.Shelf AS s INNER JOIN @back AS b ON b.JobId = s.JobId;
    INSERT INTO HangFire.JobQueue (JobId, Queue) SELECT b.JobId, b.Queue FROM @back AS b ORDER BY b.JobId;
    SELECT @moved = COUNT(*) FROM @back AS b;
END;

-- The last server that ran them is gone: the next claim that meets such a job puts it on the shelf.
IF @lock >= 0
    DELETE TOP (@P1) h
    FROM Jobs.Hold AS h
    WHERE NOT EXISTS (SELECT 1 FROM Jobs.ServerHandler AS t WHERE t.Handler = h.[Key]);

COMMIT TRANSACTION;

SELECT @moved AS Moved;
SELECT DISTINCT b.Queue FROM @back AS b;
