-- Replaces a password that was right; no row if that is not possible (any more): checked where it is written, so that
-- no number of requests at once gets more tries than one after the other.
-- @P1 user id, @P2 the hash that was verified, @P3 hash of the new password.
UPDATE u
SET u.PasswordHash = @P3, u.PasswordChangedAt = SYSUTCDATETIME(), u.FailedCount = 0, u.LockedUntil = NULL,
    u.Version = u.Version + 1, u.UpdatedAt = SYSUTCDATETIME()
OUTPUT inserted.Id AS [Id]
FROM Accounts.[User] AS u
WHERE u.Id = @P1 AND u.PasswordHash = @P2 AND u.IsEnabled = 1
    AND (u.LockedUntil IS NULL OR u.LockedUntil <= SYSUTCDATETIME());
