-- A new key; those before it verify for a time.
-- @P1 key id, @P2 secret, @P3 seconds until it signs, @P4 seconds for which those before it verify.
SET NOCOUNT ON;
DECLARE @now datetime2(7) = SYSUTCDATETIME();

UPDATE k
SET k.VerifiesUntil = DATEADD(second, @P4, @now)
FROM Accounts.SigningKey AS k
WHERE k.VerifiesUntil IS NULL;

INSERT INTO Accounts.SigningKey (KeyId, Secret, SignsFrom, CreatedAt)
VALUES (@P1, @P2, DATEADD(second, @P3, @now), @now);
