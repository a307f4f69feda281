-- The answer with the current token was lost: another takes its place. The time of the first use stays, so that the
-- leeway ends when it would have.
-- @P1 session id, @P2 hash of the next token, @P3 lifetime in seconds.
UPDATE s
SET s.CurrentHash = @P2, s.ExpiresAt = DATEADD(second, @P3, SYSUTCDATETIME())
FROM Accounts.Session AS s
WHERE s.Id = @P1;
