-- Counts a wrong password; the one that is too many locks the account and starts the count anew. While it is locked
-- nothing is counted, so that nobody can keep it locked for longer.
-- @P1 user id, @P2 wrong passwords that lock, @P3 for how many seconds.
UPDATE u
SET u.LockedUntil = CASE WHEN u.FailedCount + 1 >= @P2 THEN DATEADD(second, @P3, SYSUTCDATETIME()) ELSE NULL END,
    u.FailedCount = CASE WHEN u.FailedCount + 1 >= @P2 THEN 0 ELSE u.FailedCount + 1 END
OUTPUT inserted.FailedCount AS [FailedCount]
FROM Accounts.[User] AS u
WHERE u.Id = @P1 AND (u.LockedUntil IS NULL OR u.LockedUntil <= SYSUTCDATETIME());
