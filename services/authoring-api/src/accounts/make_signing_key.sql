-- A key that signs from now on, where there is none. The role's row lets one at a time pass.
-- @P1 key id, @P2 secret.
SET NOCOUNT ON;
UPDATE r SET r.Version = r.Version FROM Accounts.Role AS r WHERE r.Name = N'__administrator';

INSERT INTO Accounts.SigningKey (KeyId, Secret, SignsFrom)
SELECT @P1, @P2, SYSUTCDATETIME()
WHERE NOT EXISTS (SELECT 1 FROM Accounts.SigningKey AS k WHERE k.VerifiesUntil IS NULL);
