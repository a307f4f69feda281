-- An API key that asks for a change, if it and the account of its user still count.
-- @P1 key id.
SELECT k.UserId
FROM Accounts.ApiKey AS k
INNER JOIN Accounts.[User] AS u ON u.Id = k.UserId
WHERE k.Id = @P1 AND k.IsEnabled = 1 AND (k.ExpiresAt IS NULL OR k.ExpiresAt > SYSUTCDATETIME())
    AND u.IsEnabled = 1 AND (u.LockedUntil IS NULL OR u.LockedUntil < CAST(N'9999-12-31' AS datetime2(7)));
