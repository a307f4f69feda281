-- Roles by name, a row for each permission.
-- @P1 names as a JSON array of texts.
SELECT r.Id, r.Name, p.Permission
FROM OPENJSON(@P1) AS x
INNER JOIN Accounts.Role AS r ON r.Name = x.value COLLATE Latin1_General_100_BIN2
LEFT JOIN Accounts.RolePermission AS p ON p.RoleId = r.Id;
