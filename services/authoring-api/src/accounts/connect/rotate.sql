-- The current token was used: it becomes the previous one.
-- @P1 session id, @P2 hash of the next token, @P3 lifetime in seconds.
UPDATE s
SET s.PreviousHash = s.CurrentHash, s.CurrentHash = @P2, s.RotatedAt = SYSUTCDATETIME(),
    s.ExpiresAt = DATEADD(second, @P3, SYSUTCDATETIME())
FROM Accounts.Session AS s
WHERE s.Id = @P1;
