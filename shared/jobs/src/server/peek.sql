-- Is there anything to do? Reads only: an idle server sends nothing else but heartbeats.
-- @P1 ["queue", …]   @P2 ["handler", …] that this server runs   @P3 lease in ms
DECLARE @expired datetime = DATEADD(millisecond, -@P3, SYSUTCDATETIME());
DECLARE @due float = DATEDIFF_BIG(second, '1970-01-01', SYSUTCDATETIME());

SELECT
    CASE WHEN EXISTS (
        SELECT 1
        FROM HangFire.JobQueue AS q INNER JOIN OPENJSON(@P1) WITH (Name nvarchar(50) '$') AS x ON x.Name = q.Queue
        WHERE q.FetchedAt IS NULL AND NOT EXISTS (SELECT 1 FROM Jobs.PausedQueue AS p WHERE p.Queue = q.Queue)
            AND NOT EXISTS (
            SELECT 1 FROM Jobs.Hold AS h
            WHERE h.JobId = q.JobId AND NOT EXISTS (
                SELECT 1 FROM OPENJSON(@P2) WITH (Name nvarchar(250) '$') AS t WHERE t.Name = h.[Key]))
    ) THEN 1 ELSE 0 END AS Waiting,
    CASE WHEN EXISTS (
        SELECT 1
        FROM HangFire.JobQueue AS q INNER JOIN OPENJSON(@P1) WITH (Name nvarchar(50) '$') AS x ON x.Name = q.Queue
        WHERE q.FetchedAt < @expired AND NOT EXISTS (SELECT 1 FROM Jobs.PausedQueue AS p WHERE p.Queue = q.Queue)
    ) THEN 1 ELSE 0 END AS Expired,
    CASE WHEN EXISTS (
        SELECT 1 FROM HangFire.[Set] AS s WHERE s.[Key] = N'schedule' AND s.Score <= @due
    ) THEN 1 ELSE 0 END AS Due,
    CASE WHEN EXISTS (
        SELECT 1 FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Score >= 0 AND s.Score <= @due
    ) THEN 1 ELSE 0 END AS Recurring;
