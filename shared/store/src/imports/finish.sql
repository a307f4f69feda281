-- @P1 import, @P2 checkpoint row.
SET NOCOUNT ON;

UPDATE i
SET i.State = N'Completed', i.FinishedAt = SYSUTCDATETIME(), i.ListingPending = 0, i.Version = i.Version + 1
FROM Commerce.Import AS i
WHERE i.Id = @P1 AND i.State = N'Running' AND i.CheckpointRow = @P2;

SELECT @@ROWCOUNT AS Finished;
