-- The user whom a key is to belong to, and how many keys they have.
-- @P1 user name, normalised; empty: the user behind @P2, @P2 user id.
SELECT u.Id, (SELECT COUNT(*) FROM Accounts.ApiKey AS k WHERE k.UserId = u.Id) AS Keys
FROM Accounts.[User] AS u
WHERE u.UserName = @P1 OR (@P1 = N'' AND u.Id = @P2);
