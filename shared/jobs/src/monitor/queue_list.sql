-- Queues that have jobs, are read by a server of ours, or rest.
-- @P1 where counting ends
SELECT TOP (200) n.Name,
    (SELECT COUNT(*) FROM (SELECT TOP (@P1) q.Id FROM HangFire.JobQueue AS q
                           WHERE q.Queue = n.Name AND q.FetchedAt IS NULL) AS c) AS Waiting,
    (SELECT COUNT(*) FROM (SELECT TOP (@P1) q.Id FROM HangFire.JobQueue AS q
                           WHERE q.Queue = n.Name AND q.FetchedAt IS NOT NULL) AS c) AS Fetched,
    (SELECT COUNT(*) FROM (SELECT TOP (@P1) f.JobId FROM Jobs.Shelf AS f WHERE f.Queue = n.Name) AS c) AS Shelved,
    (SELECT COUNT(*) FROM Jobs.ServerQueue AS s WHERE s.Queue = n.Name) AS Servers,
    p.PausedAt, p.PausedBy
FROM (
    SELECT q.Queue AS Name FROM HangFire.JobQueue AS q
    UNION
    SELECT s.Queue AS Name FROM Jobs.ServerQueue AS s
    UNION
    SELECT f.Queue AS Name FROM Jobs.Shelf AS f
    UNION
    SELECT r.Queue AS Name FROM Jobs.PausedQueue AS r
) AS n LEFT JOIN Jobs.PausedQueue AS p ON p.Queue = n.Name
ORDER BY n.Name;
