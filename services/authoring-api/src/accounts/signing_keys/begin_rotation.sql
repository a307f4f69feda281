-- Waits until no other rotation is under way, and removes keys that verify no more.
UPDATE r SET r.Version = r.Version FROM Accounts.Role AS r WHERE r.Name = N'__administrator';

DELETE FROM Accounts.SigningKey WHERE VerifiesUntil <= SYSUTCDATETIME();
