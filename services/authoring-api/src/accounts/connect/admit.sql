-- Lets a user in whose password was right; no row if that is not possible (any more).
-- @P1 user id, @P2 the hash that was verified.
UPDATE u
SET u.FailedCount = 0, u.LockedUntil = NULL, u.LastSignedInAt = SYSUTCDATETIME()
OUTPUT inserted.Id AS [Id]
FROM Accounts.[User] AS u
WHERE u.Id = @P1 AND u.PasswordHash = @P2 AND u.IsEnabled = 1
    AND (u.LockedUntil IS NULL OR u.LockedUntil <= SYSUTCDATETIME());
