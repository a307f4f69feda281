-- @P1 import, @P2 error.
UPDATE i
SET i.State = N'Failed', i.FinishedAt = SYSUTCDATETIME(), i.Error = @P2, i.Version = i.Version + 1
FROM Commerce.Import AS i
WHERE i.Id = @P1 AND i.State <> N'Completed';
