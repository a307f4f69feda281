-- The first user, with the role that may do everything; nothing if there is a user. The role's row lets one at a time
-- pass. Gives the id of a user that was made.
-- @P1 user name, @P2 password hash.
SET NOCOUNT ON;
UPDATE r SET r.Version = r.Version FROM Accounts.Role AS r WHERE r.Name = N'__administrator';

DECLARE @made TABLE (Id bigint NOT NULL);

INSERT INTO Accounts.[User] (UserName, DisplayName, PasswordHash, PasswordChangedAt, IsEnabled, FailedCount, Version)
OUTPUT inserted.Id INTO @made (Id)
SELECT @P1, @P1, @P2, SYSUTCDATETIME(), 1, 0, 1
WHERE NOT EXISTS (SELECT 1 FROM Accounts.[User] AS u);

INSERT INTO Accounts.UserRole (UserId, RoleId)
SELECT m.Id, r.Id
FROM @made AS m
INNER JOIN Accounts.Role AS r ON r.Name = N'__administrator';

SELECT m.Id FROM @made AS m;
