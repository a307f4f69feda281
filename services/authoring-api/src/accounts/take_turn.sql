-- Waits until no other change of users and roles is under way.
UPDATE r SET r.Version = r.Version FROM Accounts.Role AS r WHERE r.Name = N'__administrator';
