-- A role that permits nothing yet; no row if there is one with this name. Gives its id.
-- @P1 name, normalised, @P2 description.
INSERT INTO Accounts.Role (Name, Description, IsSystem, Version)
OUTPUT inserted.Id AS [Id]
SELECT @P1, @P2, 0, 1
WHERE NOT EXISTS (SELECT 1 FROM Accounts.Role AS r WHERE r.Name = @P1);
