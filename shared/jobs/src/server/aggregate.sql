-- Sums counter rows into AggregatedCounter, one bounded step of it: the dashboard's graphs read only the sums.
-- @P1 most rows
-- -> Rows summed
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @lock int = 0;
DECLARE @rows int = 0;
DECLARE @row TABLE (
    [Key] nvarchar(100) NOT NULL, Id bigint NOT NULL, Value int NOT NULL, ExpireAt datetime NULL, PRIMARY KEY ([Key], Id)
);
DECLARE @sum TABLE ([Key] nvarchar(100) NOT NULL PRIMARY KEY, Value bigint NOT NULL, ExpireAt datetime NULL);

BEGIN TRANSACTION;

EXEC @lock = sp_getapplock @Resource = N'HangFire:Jobs:aggregate', @LockMode = N'Exclusive',
    @LockOwner = N'Transaction', @LockTimeout = 0;

IF @lock >= 0
BEGIN
    -- Changes nothing: it locks the rows, so that a .NET aggregator, which does not know our lock, cannot sum them too.
    UPDATE TOP (@P1) c SET c.Value = c.Value
    OUTPUT inserted.[Key], inserted.Id, inserted.Value, inserted.ExpireAt INTO @row ([Key], Id, Value, ExpireAt)
    FROM HangFire.Counter AS c WITH (READPAST, UPDLOCK, ROWLOCK)
    WHERE c.Id > 0;
    SET @rows = @@ROWCOUNT;
END;

IF @rows > 0
BEGIN
    INSERT INTO @sum ([Key], Value, ExpireAt)
    SELECT r.[Key], SUM(CAST(r.Value AS bigint)), MAX(r.ExpireAt) FROM @row AS r GROUP BY r.[Key];

    DELETE c FROM HangFire.Counter AS c INNER JOIN @row AS r ON r.[Key] = c.[Key] AND r.Id = c.Id;

    UPDATE a SET a.Value = a.Value + s.Value,
        a.ExpireAt = CASE WHEN s.ExpireAt > a.ExpireAt THEN s.ExpireAt ELSE a.ExpireAt END
    FROM HangFire.AggregatedCounter AS a INNER JOIN @sum AS s ON s.[Key] = a.[Key];

    INSERT INTO HangFire.AggregatedCounter ([Key], Value, ExpireAt)
    SELECT s.[Key], s.Value, s.ExpireAt
    FROM @sum AS s
    WHERE NOT EXISTS (SELECT 1 FROM HangFire.AggregatedCounter AS a WITH (UPDLOCK, HOLDLOCK) WHERE a.[Key] = s.[Key]);
END;

COMMIT TRANSACTION;

SELECT @rows AS Summed;
