-- A page of recurring jobs in the order of their ids, with their hashes.
-- @P1 the last id of the page before   @P2 most rows   @P3 part of the id, empty = all
SET NOCOUNT ON;
DECLARE @page TABLE (Id nvarchar(256) NOT NULL PRIMARY KEY, Score float NOT NULL);

INSERT INTO @page (Id, Score)
SELECT TOP (@P2) s.Value, s.Score
FROM HangFire.[Set] AS s
WHERE s.[Key] = N'recurring-jobs' AND s.Value > @P1 AND (@P3 = N'' OR CHARINDEX(@P3, s.Value) > 0)
ORDER BY s.Value;

SELECT p.Id, p.Score FROM @page AS p ORDER BY p.Id;

SELECT p.Id, h.Field, h.Value
FROM @page AS p INNER JOIN HangFire.Hash AS h ON h.[Key] = N'recurring-job:' + p.Id;
