-- Roles in the order of their names, a row for each permission.
-- @P1 the name behind which they begin, @P2 how many roles.
SELECT r.Id, r.Name, r.Description, r.IsSystem, r.Version, r.CreatedAt, r.UpdatedAt, p.Permission
FROM (
    SELECT TOP (@P2) x.Id, x.Name, x.Description, x.IsSystem, x.Version, x.CreatedAt, x.UpdatedAt
    FROM Accounts.Role AS x
    WHERE x.Name > @P1
    ORDER BY x.Name
) AS r
LEFT JOIN Accounts.RolePermission AS p ON p.RoleId = r.Id
ORDER BY r.Name, p.Permission;
