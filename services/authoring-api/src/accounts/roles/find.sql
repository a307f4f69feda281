-- One role, a row for each permission.
-- @P1 role id.
SELECT r.Id, r.Name, r.Description, r.IsSystem, r.Version, r.CreatedAt, r.UpdatedAt, p.Permission
FROM Accounts.Role AS r
LEFT JOIN Accounts.RolePermission AS p ON p.RoleId = r.Id
WHERE r.Id = @P1
ORDER BY p.Permission;
