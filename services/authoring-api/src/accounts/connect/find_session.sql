-- The session, locked until the transaction ends: a token that comes twice at once is judged one after the other.
-- @P1 handle, @P2 leeway in seconds.
SET NOCOUNT ON;
UPDATE s SET s.RotatedAt = s.RotatedAt FROM Accounts.Session AS s WHERE s.Handle = @P1;

SELECT s.Id, s.UserId, u.UserName, s.CurrentHash, s.PreviousHash,
    CASE WHEN DATEADD(second, @P2, s.RotatedAt) > SYSUTCDATETIME() THEN 1 ELSE 0 END AS IsWithinLeeway
FROM Accounts.Session AS s
INNER JOIN Accounts.[User] AS u ON u.Id = s.UserId
WHERE s.Handle = @P1 AND s.ExpiresAt > SYSUTCDATETIME() AND u.IsEnabled = 1;
