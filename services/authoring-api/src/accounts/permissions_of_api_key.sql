-- What was given to a key, whether its user may do it or not.
-- @P1 key id.
SELECT p.Permission
FROM Accounts.ApiKeyPermission AS p
WHERE p.ApiKeyId = @P1;
