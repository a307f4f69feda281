-- Marks an import as running, for the first time or again; a completed one stays completed. @P1 import.
SET NOCOUNT ON;
SET XACT_ABORT ON;

UPDATE i
SET i.State = N'Running', i.StartedAt = COALESCE(i.StartedAt, SYSUTCDATETIME()), i.FinishedAt = NULL,
    i.Error = NULL, i.Version = i.Version + 1
FROM Commerce.Import AS i
WHERE i.Id = @P1 AND i.State <> N'Completed';

SELECT i.State, i.BlobId, i.CheckpointRow, i.CheckpointByte, i.ListingPending, i.StoreId, s.Name, s.Currency,
    s.Language, s.Version AS StoreVersion
FROM Commerce.Import AS i
INNER JOIN Commerce.Store AS s ON s.Id = i.StoreId
WHERE i.Id = @P1;
