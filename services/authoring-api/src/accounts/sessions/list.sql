-- The sessions of a user that hold; a user has 50 at most.
-- @P1 user id.
SELECT TOP (50) s.Id, s.ClientAddress, s.UserAgent, s.CreatedAt, s.RotatedAt, s.ExpiresAt
FROM Accounts.Session AS s
WHERE s.UserId = @P1 AND s.ExpiresAt > SYSUTCDATETIME()
ORDER BY s.RotatedAt DESC, s.Id DESC;
