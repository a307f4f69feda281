-- @P1 role id, @P2 permissions as a JSON array of texts.
DELETE FROM Accounts.RolePermission WHERE RoleId = @P1;

INSERT INTO Accounts.RolePermission (RoleId, Permission)
SELECT @P1, x.value
FROM OPENJSON(@P2) AS x;
