-- Removes keys that verify no more.
DELETE FROM Accounts.SigningKey WHERE VerifiesUntil <= SYSUTCDATETIME();
