SELECT TOP (32) k.KeyId, k.Secret, CASE WHEN k.SignsFrom <= SYSUTCDATETIME() THEN 1 ELSE 0 END AS MaySign
FROM Accounts.SigningKey AS k
WHERE k.VerifiesUntil IS NULL OR k.VerifiesUntil > SYSUTCDATETIME()
ORDER BY k.SignsFrom DESC, k.KeyId;
