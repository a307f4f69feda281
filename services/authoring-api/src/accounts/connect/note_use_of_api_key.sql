-- Notes that a key was used: first uses always, others when the last note is old enough. Gives what was noted before;
-- no row if nothing was written.
-- @P1 key id, @P2 hash of the secret that was shown, @P3 seconds between two notes.
SET NOCOUNT ON;
DECLARE @before TABLE (LastUsedAt datetime2(7) NULL);

-- Takes the row and leaves LastUsedAt: of that, `inserted` is what was noted before (`deleted` would be too, but Babelfish
-- cannot give it outside of dbo).
UPDATE k
SET k.SecretUsedAt = CASE WHEN k.SecretHash = @P2 THEN SYSUTCDATETIME() ELSE k.SecretUsedAt END
OUTPUT inserted.LastUsedAt INTO @before (LastUsedAt)
FROM Accounts.ApiKey AS k
WHERE k.Id = @P1
    AND (k.LastUsedAt IS NULL
        OR (k.SecretUsedAt IS NULL AND k.SecretHash = @P2)
        OR DATEADD(second, @P3, k.LastUsedAt) <= SYSUTCDATETIME());

UPDATE k
SET k.LastUsedAt = SYSUTCDATETIME()
FROM Accounts.ApiKey AS k
WHERE k.Id = @P1 AND EXISTS (SELECT 1 FROM @before AS b);

SELECT b.LastUsedAt FROM @before AS b;
