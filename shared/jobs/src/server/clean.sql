-- Deletes expired rows, one bounded step of it. Under Hangfire's own lock name, so that its expiration manager and ours
-- take turns. The rows of a job's history and parameters go with it (cascade).
-- @P1 most jobs
-- -> Locked: 0 = somebody else is at it; Jobs, Others deleted
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime = GETUTCDATE();
DECLARE @lock int = 0;
DECLARE @jobs int = 0;
DECLARE @others int = 0;
DECLARE @expired TABLE (JobId bigint NOT NULL PRIMARY KEY);

BEGIN TRANSACTION;

EXEC @lock = sp_getapplock @Resource = N'locks:expirationmanager', @LockMode = N'Exclusive',
    @LockOwner = N'Transaction', @LockTimeout = 0;

IF @lock >= 0
BEGIN
    INSERT INTO @expired (JobId)
    SELECT TOP (@P1) j.Id FROM HangFire.Job AS j WHERE j.ExpireAt < @now ORDER BY j.ExpireAt;

    -- The guard stands on the row: what was requeued meanwhile does not expire any more.
    DELETE j FROM HangFire.Job AS j INNER JOIN @expired AS e ON e.JobId = j.Id WHERE j.ExpireAt < @now;
    SET @jobs = @@ROWCOUNT;

    IF @jobs > 0
    BEGIN
        DELETE e FROM @expired AS e WHERE EXISTS (SELECT 1 FROM HangFire.Job AS j WHERE j.Id = e.JobId);
        DELETE v FROM Jobs.Delivery AS v INNER JOIN @expired AS e ON e.JobId = v.JobId;
        DELETE h FROM Jobs.Hold AS h INNER JOIN @expired AS e ON e.JobId = h.JobId;
        DELETE s FROM Jobs.Shelf AS s INNER JOIN @expired AS e ON e.JobId = s.JobId;
        DELETE m FROM Jobs.JobLimit AS m INNER JOIN @expired AS e ON e.JobId = m.JobId;
        DELETE u FROM Jobs.UniqueKey AS u INNER JOIN @expired AS e ON e.JobId = u.JobId
        WHERE u.Until IS NULL OR u.Until < SYSUTCDATETIME();
    END;

    DELETE TOP (@P1) h FROM HangFire.Hash AS h WHERE h.ExpireAt < @now;
    SET @others = @others + @@ROWCOUNT;
    DELETE TOP (@P1) s FROM HangFire.[Set] AS s WHERE s.ExpireAt < @now;
    SET @others = @others + @@ROWCOUNT;
    DELETE TOP (@P1) l FROM HangFire.List AS l WHERE l.ExpireAt < @now;
    SET @others = @others + @@ROWCOUNT;
    DELETE TOP (@P1) a FROM HangFire.AggregatedCounter AS a WHERE a.ExpireAt < @now;
    SET @others = @others + @@ROWCOUNT;
END;

COMMIT TRANSACTION;

SELECT CASE WHEN @lock >= 0 THEN 1 ELSE 0 END AS Locked, @jobs AS Jobs, @others AS Others;
