-- A new secret. The one that the program has is good for a time besides: that is the current one, or the one before, if
-- nobody has used the current one yet.
-- @P1 key id, @P2 hash of the new secret, @P3 seconds; 0: no other is good.
UPDATE k
SET k.PreviousSecretHash = CASE
        WHEN @P3 = 0 THEN NULL
        WHEN k.SecretUsedAt IS NULL AND k.PreviousSecretHash IS NOT NULL AND k.PreviousSecretUntil > SYSUTCDATETIME()
            THEN k.PreviousSecretHash
        ELSE k.SecretHash
    END,
    k.PreviousSecretUntil = CASE WHEN @P3 = 0 THEN NULL ELSE DATEADD(second, @P3, SYSUTCDATETIME()) END,
    k.SecretHash = @P2, k.SecretUsedAt = NULL, k.Version = k.Version + 1, k.UpdatedAt = SYSUTCDATETIME()
FROM Accounts.ApiKey AS k
WHERE k.Id = @P1;
