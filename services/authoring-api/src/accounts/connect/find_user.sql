-- @P1 user name, normalised.
SELECT u.Id, u.PasswordHash
FROM Accounts.[User] AS u
WHERE u.UserName = @P1;
