-- Keys that sign, will sign or still verify, the latest first. Never their secrets.
SELECT k.KeyId, k.SignsFrom, k.VerifiesUntil, k.CreatedAt,
    CASE WHEN k.SignsFrom > SYSUTCDATETIME() THEN 1 ELSE 0 END AS IsNext
FROM Accounts.SigningKey AS k
WHERE k.VerifiesUntil IS NULL OR k.VerifiesUntil > SYSUTCDATETIME()
ORDER BY k.SignsFrom DESC, k.KeyId;
