-- A key that may nothing yet; no row if there is one with this name. Gives its id.
-- @P1 client id, @P2 name, @P3 user id, @P4 hash of its secret, @P5 when it expires, the last day that there is: never,
-- @P6 who makes it.
INSERT INTO Accounts.ApiKey (ClientId, Name, UserId, SecretHash, ExpiresAt, IsEnabled, CreatedBy, Version)
OUTPUT inserted.Id AS [Id]
SELECT @P1, @P2, @P3, @P4, NULLIF(@P5, CAST(N'9999-12-31' AS datetime2(7))), 1, @P6, 1
WHERE NOT EXISTS (SELECT 1 FROM Accounts.ApiKey AS k WHERE k.Name = @P2);
