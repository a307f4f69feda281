-- Locks until somebody unlocks: the last day that there is stands for that.
-- @P1 user id.
UPDATE u
SET u.LockedUntil = CAST(N'9999-12-31' AS datetime2(7)), u.FailedCount = 0, u.Version = u.Version + 1, u.UpdatedAt = SYSUTCDATETIME()
FROM Accounts.[User] AS u
WHERE u.Id = @P1;
