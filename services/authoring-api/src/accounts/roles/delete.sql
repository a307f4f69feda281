-- @P1 role id.
DELETE FROM Accounts.RolePermission WHERE RoleId = @P1;
DELETE FROM Accounts.Role WHERE Id = @P1;
