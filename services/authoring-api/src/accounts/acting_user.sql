-- A user who asks for a change, if the account still counts: enabled, and not locked by somebody (wrong passwords lock it
-- against signing in only).
-- @P1 user id.
SELECT u.Id AS UserId
FROM Accounts.[User] AS u
WHERE u.Id = @P1 AND u.IsEnabled = 1 AND (u.LockedUntil IS NULL OR u.LockedUntil < CAST(N'9999-12-31' AS datetime2(7)));
