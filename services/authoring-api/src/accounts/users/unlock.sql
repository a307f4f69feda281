-- @P1 user id.
UPDATE u
SET u.LockedUntil = NULL, u.FailedCount = 0, u.Version = u.Version + 1, u.UpdatedAt = SYSUTCDATETIME()
FROM Accounts.[User] AS u
WHERE u.Id = @P1;
