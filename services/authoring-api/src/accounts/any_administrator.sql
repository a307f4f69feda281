-- A user who may do everything, and whom nobody has disabled or locked.
SELECT TOP (1) u.Id
FROM Accounts.[User] AS u
INNER JOIN Accounts.UserRole AS ur ON ur.UserId = u.Id
INNER JOIN Accounts.RolePermission AS p ON p.RoleId = ur.RoleId
WHERE p.Permission = N'*' AND u.IsEnabled = 1
    AND (u.LockedUntil IS NULL OR u.LockedUntil < CAST(N'9999-12-31' AS datetime2(7)));
