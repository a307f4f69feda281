-- How many have the role.
-- @P1 role id.
SELECT COUNT(*) AS Users FROM Accounts.UserRole AS ur WHERE ur.RoleId = @P1;
