-- What a new key depends on: the user whom it is to belong to, how many keys they have, whether its end has passed.
-- @P1 user name, normalised; empty: the user behind @P2, @P2 user id, @P3 when it
-- expires, the last day that there is: never.
SELECT u.Id, (SELECT COUNT(*) FROM Accounts.ApiKey AS k WHERE k.UserId = u.Id) AS Keys,
    CASE WHEN @P3 <= SYSUTCDATETIME() THEN 1 ELSE 0 END AS HasExpired
FROM Accounts.[User] AS u
WHERE u.UserName = @P1 OR (@P1 = N'' AND u.Id = @P2);
