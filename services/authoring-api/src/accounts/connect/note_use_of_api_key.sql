-- Notes that a key was used: first uses always, others when the last note is old enough. Gives what was noted before;
-- no row if nothing was written.
-- @P1 key id, @P2 hash of the secret that was shown, @P3 seconds between two notes.
UPDATE k
SET k.LastUsedAt = SYSUTCDATETIME(),
    k.SecretUsedAt = CASE WHEN k.SecretHash = @P2 THEN SYSUTCDATETIME() ELSE k.SecretUsedAt END
OUTPUT deleted.LastUsedAt
FROM Accounts.ApiKey AS k
WHERE k.Id = @P1
    AND (k.LastUsedAt IS NULL
        OR (k.SecretUsedAt IS NULL AND k.SecretHash = @P2)
        OR DATEADD(second, @P3, k.LastUsedAt) <= SYSUTCDATETIME());
