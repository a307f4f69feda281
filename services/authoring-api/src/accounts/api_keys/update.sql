-- No row if another key has the name.
-- @P1 key id, @P2 name, @P3 when it expires, the last day that there is: never, @P4 whether it is enabled.
UPDATE k
SET k.Name = @P2, k.ExpiresAt = NULLIF(@P3, CAST(N'9999-12-31' AS datetime2(7))), k.IsEnabled = @P4,
    k.Version = k.Version + 1, k.UpdatedAt = SYSUTCDATETIME()
OUTPUT inserted.Id AS [Id]
FROM Accounts.ApiKey AS k
WHERE k.Id = @P1 AND NOT EXISTS (SELECT 1 FROM Accounts.ApiKey AS o WHERE o.Name = @P2 AND o.Id <> @P1);
