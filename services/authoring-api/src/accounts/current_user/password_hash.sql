-- @P1 user id.
SELECT u.UserName, u.PasswordHash
FROM Accounts.[User] AS u
WHERE u.Id = @P1;
