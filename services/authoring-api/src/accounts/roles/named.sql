-- Roles by name, a row for each permission.
-- @P1 names, a line each: no name has a line break, and Babelfish would leave escapes in texts from OPENJSON.
DECLARE @lineEnd nchar(1) = NCHAR(10);

SELECT r.Id, r.Name, p.Permission
FROM STRING_SPLIT(@P1, @lineEnd) AS x
INNER JOIN Accounts.Role AS r ON r.Name = x.value COLLATE Latin1_General_100_BIN2
LEFT JOIN Accounts.RolePermission AS p ON p.RoleId = r.Id;
