-- Notes that a key was refused, unless the last note is too recent. No row if nothing was written.
-- @P1 key id, @P2 seconds between two notes.
UPDATE k
SET k.LastRefusedAt = SYSUTCDATETIME()
OUTPUT inserted.Id AS [Id]
FROM Accounts.ApiKey AS k
WHERE k.Id = @P1 AND (k.LastRefusedAt IS NULL OR DATEADD(second, @P2, k.LastRefusedAt) <= SYSUTCDATETIME());
