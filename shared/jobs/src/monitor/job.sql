-- One job with its history and parameters.
-- @P1 job
SELECT j.Id, j.StateName, j.InvocationData, j.Arguments, j.CreatedAt, j.ExpireAt, COALESCE(s.[Key], h.[Key]) AS HeldFor
FROM HangFire.Job AS j
    LEFT JOIN Jobs.Hold AS h ON h.JobId = j.Id
    LEFT JOIN Jobs.Shelf AS s ON s.JobId = j.Id
WHERE j.Id = @P1;

SELECT s.Id, s.Name, s.Reason, s.CreatedAt, s.Data FROM HangFire.State AS s WHERE s.JobId = @P1 ORDER BY s.Id;

SELECT p.Name, p.Value FROM HangFire.JobParameter AS p WHERE p.JobId = @P1 ORDER BY p.Name;
