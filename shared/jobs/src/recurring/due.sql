-- Recurring jobs that are due, with their hashes, and when the next one will be. Reads only.
-- @P1 most of them
-- -> NowMs, NextScore, Delayed (members of `schedule` are due as well); then Id, Score; then Id, Field, Value
SET NOCOUNT ON;

DECLARE @nowMs bigint = DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME());
DECLARE @now float = @nowMs / 1000;
DECLARE @due TABLE (Id nvarchar(256) NOT NULL PRIMARY KEY, Score float NOT NULL);

INSERT INTO @due (Id, Score)
SELECT TOP (@P1) s.Value, s.Score
FROM HangFire.[Set] AS s
WHERE s.[Key] = N'recurring-jobs' AND s.Score >= 0 AND s.Score <= @now
ORDER BY s.Score;

SELECT @nowMs AS NowMs,
    (SELECT MIN(s.Score) FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Score > @now) AS NextScore,
    CASE WHEN EXISTS (SELECT 1 FROM HangFire.[Set] AS s WHERE s.[Key] = N'schedule' AND s.Score <= @now)
        THEN 1 ELSE 0 END AS Delayed;

SELECT d.Id, d.Score FROM @due AS d ORDER BY d.Id;

SELECT d.Id, h.Field, h.Value
FROM @due AS d INNER JOIN HangFire.Hash AS h ON h.[Key] = N'recurring-job:' + d.Id;
