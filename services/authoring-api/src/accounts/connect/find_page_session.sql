-- The session behind a page's cookie, and what its user may do now.
-- @P1 handle
SELECT s.Id, s.UserId, u.UserName, s.CurrentHash
FROM Accounts.Session AS s
INNER JOIN Accounts.[User] AS u ON u.Id = s.UserId
WHERE s.Handle = @P1 AND s.ExpiresAt > SYSUTCDATETIME() AND u.IsEnabled = 1
    AND (u.LockedUntil IS NULL OR u.LockedUntil <= SYSUTCDATETIME());

SELECT DISTINCT p.Permission
FROM Accounts.Session AS s
INNER JOIN Accounts.UserRole AS ur ON ur.UserId = s.UserId
INNER JOIN Accounts.RolePermission AS p ON p.RoleId = ur.RoleId
WHERE s.Handle = @P1;
