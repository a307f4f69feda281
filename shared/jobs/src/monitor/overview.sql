-- The system at a glance. Each state is counted through its index, up to @P1 jobs.
-- @P1 where counting ends   @P2 most kinds of jobs that nobody runs
SET NOCOUNT ON;

SELECT n.Name, (SELECT COUNT(*) FROM (SELECT TOP (@P1) j.Id FROM HangFire.Job AS j WHERE j.StateName = n.Name) AS c) AS Jobs
FROM (SELECT N'Enqueued' AS Name UNION ALL SELECT N'Scheduled' UNION ALL SELECT N'Processing' UNION ALL SELECT N'Succeeded'
      UNION ALL SELECT N'Failed' UNION ALL SELECT N'Deleted' UNION ALL SELECT N'Awaiting') AS n;

SELECT (SELECT COUNT(*) FROM Jobs.Hold AS h) + (SELECT COUNT(*) FROM Jobs.Shelf AS f WHERE f.Reason = N'handler') AS Held,
    (SELECT COUNT(*) FROM Jobs.Shelf AS f WHERE f.Reason = N'limit') AS Limited,
    (SELECT COUNT(*) FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs') AS Recurring,
    (SELECT COUNT(*) FROM (SELECT TOP (@P1) s.Value FROM HangFire.[Set] AS s WHERE s.[Key] = N'retries') AS c) AS Retries,
    (SELECT COUNT(*) FROM HangFire.Server AS s) AS Servers,
    COALESCE((SELECT SUM(CAST(c.Value AS bigint)) FROM HangFire.Counter AS c WHERE c.[Key] = N'stats:succeeded'), 0)
        + COALESCE((SELECT a.Value FROM HangFire.AggregatedCounter AS a WHERE a.[Key] = N'stats:succeeded'), 0) AS Succeeded,
    COALESCE((SELECT SUM(CAST(c.Value AS bigint)) FROM HangFire.Counter AS c WHERE c.[Key] = N'stats:deleted'), 0)
        + COALESCE((SELECT a.Value FROM HangFire.AggregatedCounter AS a WHERE a.[Key] = N'stats:deleted'), 0) AS Deleted;

SELECT TOP (@P2) h.[Key] AS Handler, COUNT(*) AS Jobs
FROM (
    SELECT o.[Key] FROM Jobs.Hold AS o WHERE o.Reason = N'handler'
    UNION ALL
    SELECT f.[Key] FROM Jobs.Shelf AS f WHERE f.Reason = N'handler'
) AS h
WHERE NOT EXISTS (SELECT 1 FROM Jobs.ServerHandler AS s WHERE s.Handler = h.[Key])
GROUP BY h.[Key]
ORDER BY COUNT(*) DESC, h.[Key];
