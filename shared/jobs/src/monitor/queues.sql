-- Jobs that wait in each queue, and the age of the one that came first. Reads the queue rows of one index in order.
SELECT d.Queue, d.Waiting, DATEDIFF_BIG(millisecond, j.CreatedAt, SYSUTCDATETIME()) AS AgeMs
FROM (SELECT TOP (100) q.Queue, COUNT(*) AS Waiting, MIN(q.JobId) AS Oldest
      FROM HangFire.JobQueue AS q
      WHERE q.FetchedAt IS NULL
      GROUP BY q.Queue
      ORDER BY q.Queue) AS d
    LEFT JOIN HangFire.Job AS j ON j.Id = d.Oldest;

SELECT (SELECT COUNT(*) FROM Jobs.Hold AS h) + (SELECT COUNT(*) FROM Jobs.Shelf AS s) AS Held;
