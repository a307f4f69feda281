-- Hangfire's counters by hour or day, those that are not aggregated yet included.
-- @P1 1 = hours, 0 = days   @P2 how many
-- -> Begins, Name, Jobs
SET NOCOUNT ON;

DECLARE @now datetime2(0) = SYSUTCDATETIME();
DECLARE @last datetime2(0) = CASE WHEN @P1 = 1 THEN DATEADD(hour, DATEDIFF(hour, '2000-01-01', @now), CAST('2000-01-01' AS datetime2(0)))
    ELSE CAST(CAST(@now AS date) AS datetime2(0)) END;
DECLARE @next int = 0;
DECLARE @column TABLE (Begins datetime2(0) NOT NULL, Name nvarchar(20) NOT NULL, CounterKey nvarchar(100) NOT NULL PRIMARY KEY);

WHILE @next < @P2
BEGIN
    INSERT INTO @column (Begins, Name, CounterKey)
    SELECT CASE WHEN @P1 = 1 THEN DATEADD(hour, -@next, @last) ELSE DATEADD(day, -@next, @last) END, n.Name,
        N'stats:' + n.Name + N':' + CASE WHEN @P1 = 1
            THEN REPLACE(CONVERT(nvarchar(13), DATEADD(hour, -@next, @last), 120), N' ', N'-')
            ELSE CONVERT(nvarchar(10), DATEADD(day, -@next, @last), 120) END
    FROM (SELECT N'succeeded' AS Name UNION ALL SELECT N'failed' UNION ALL SELECT N'deleted') AS n;
    SET @next = @next + 1;
END;

SELECT c.Begins, c.Name,
    COALESCE((SELECT SUM(CAST(o.Value AS bigint)) FROM HangFire.Counter AS o WHERE o.[Key] = c.CounterKey), 0)
        + COALESCE((SELECT a.Value FROM HangFire.AggregatedCounter AS a WHERE a.[Key] = c.CounterKey), 0) AS Jobs
FROM @column AS c
ORDER BY c.Begins;
