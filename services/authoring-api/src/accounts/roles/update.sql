-- No row if another role has the name.
-- @P1 role id, @P2 name, normalised, @P3 description.
UPDATE r
SET r.Name = @P2, r.Description = @P3, r.Version = r.Version + 1, r.UpdatedAt = SYSUTCDATETIME()
OUTPUT inserted.Id AS [Id]
FROM Accounts.Role AS r
WHERE r.Id = @P1 AND NOT EXISTS (SELECT 1 FROM Accounts.Role AS o WHERE o.Name = @P2 AND o.Id <> @P1);
