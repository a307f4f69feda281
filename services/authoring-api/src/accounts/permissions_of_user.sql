-- @P1 user id.
SELECT DISTINCT p.Permission
FROM Accounts.UserRole AS ur
INNER JOIN Accounts.RolePermission AS p ON p.RoleId = ur.RoleId
WHERE ur.UserId = @P1;
