-- A page of jobs, newest first.
-- @P1 state, empty = any   @P2 id before which the page begins   @P3 most rows   @P4 most jobs looked at
-- @P5 part of type or method   @P6 part of the arguments   @P7 queue   @P8, @P9 created from, to: unix ms, -1 = any
-- @P10 characters of the arguments   @P11 = @P6 as it stands in a text
-- -> the jobs; then NextBefore
SET NOCOUNT ON;

DECLARE @from datetime2(3) = CASE WHEN @P8 < 0 THEN '1753-01-01'
    ELSE DATEADD(millisecond, @P8 % 86400000, DATEADD(day, @P8 / 86400000, CAST('1970-01-01' AS datetime2(3)))) END;
DECLARE @to datetime2(3) = CASE WHEN @P9 < 0 THEN '9999-12-31'
    ELSE DATEADD(millisecond, @P9 % 86400000, DATEADD(day, @P9 / 86400000, CAST('1970-01-01' AS datetime2(3)))) END;
DECLARE @before bigint = @P2;
DECLARE @low bigint = 0;
DECLARE @high bigint;
DECLARE @middle bigint;
DECLARE @createdAt datetime2(3);
DECLARE @scanned int = 0;
DECLARE @found int = 0;
DECLARE @scan TABLE (Id bigint NOT NULL PRIMARY KEY);
DECLARE @page TABLE (Id bigint NOT NULL PRIMARY KEY);

-- Ids rise with time: the first one behind @to is found by halving, a seek at a time.
IF @P9 >= 0
BEGIN
    SELECT @high = COALESCE(MAX(j.Id), 0) + 1 FROM HangFire.Job AS j;
    WHILE @low < @high
    BEGIN
        SET @middle = (@low + @high) / 2;
        SET @createdAt = NULL;
        SELECT TOP (1) @createdAt = j.CreatedAt FROM HangFire.Job AS j WHERE j.Id >= @middle ORDER BY j.Id;
        IF @createdAt IS NULL OR @createdAt > @to
            SET @high = @middle;
        ELSE
            SET @low = @middle + 1;
    END;
    IF @low < @before
        SET @before = @low;
END;

IF @P1 = N''
    INSERT INTO @scan (Id)
    SELECT TOP (@P4) j.Id FROM HangFire.Job AS j WHERE j.Id < @before ORDER BY j.Id DESC;
ELSE
    INSERT INTO @scan (Id)
    SELECT TOP (@P4) j.Id FROM HangFire.Job AS j WHERE j.StateName = @P1 AND j.Id < @before ORDER BY j.Id DESC;
SET @scanned = @@ROWCOUNT;

INSERT INTO @page (Id)
SELECT TOP (@P3) j.Id
FROM @scan AS s INNER JOIN HangFire.Job AS j ON j.Id = s.Id
WHERE j.CreatedAt >= @from AND j.CreatedAt <= @to
    AND (@P5 = N'' OR CHARINDEX(LOWER(@P5), LOWER(j.InvocationData)) > 0)
    AND (@P6 = N'' OR CHARINDEX(LOWER(@P6), LOWER(j.Arguments)) > 0 OR CHARINDEX(LOWER(@P11), LOWER(j.Arguments)) > 0)
    AND (@P7 = N'' OR COALESCE(
        CASE WHEN ISJSON(j.InvocationData) = 1
            THEN COALESCE(JSON_VALUE(j.InvocationData, '$.q'), JSON_VALUE(j.InvocationData, '$.Queue')) END,
        N'default') = @P7)
ORDER BY j.Id DESC;
SET @found = @@ROWCOUNT;

SELECT j.Id, j.StateName, j.InvocationData, LEFT(j.Arguments, @P10) AS Arguments, j.CreatedAt, t.CreatedAt AS Since, t.Reason,
    COALESCE(f.[Key], h.[Key]) AS HeldFor
FROM @page AS p
    INNER JOIN HangFire.Job AS j ON j.Id = p.Id
    LEFT JOIN HangFire.State AS t ON t.JobId = j.Id AND t.Id = j.StateId
    LEFT JOIN Jobs.Hold AS h ON h.JobId = j.Id
    LEFT JOIN Jobs.Shelf AS f ON f.JobId = j.Id
ORDER BY j.Id DESC;

-- A scan that reached what is older than wanted is the last one.
SELECT CASE
    WHEN @found = @P3 THEN (SELECT MIN(p.Id) FROM @page AS p)
    WHEN @scanned = @P4 AND EXISTS (
        SELECT 1 FROM HangFire.Job AS j WHERE j.Id = (SELECT MIN(s.Id) FROM @scan AS s) AND j.CreatedAt >= @from)
        THEN (SELECT MIN(s.Id) FROM @scan AS s)
    END AS NextBefore;
