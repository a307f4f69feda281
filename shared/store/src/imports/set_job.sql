-- @P1 import, @P2 job.
UPDATE i
SET i.JobId = @P2
FROM Commerce.Import AS i
WHERE i.Id = @P1;
