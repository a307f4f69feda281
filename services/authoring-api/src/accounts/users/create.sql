-- A user without roles; no row if there is one with this name. Gives the id.
-- @P1 user name, normalised, @P2 display name, @P3 e-mail address, empty: none, @P4 password hash, @P5 whether it is enabled.
INSERT INTO Accounts.[User] (UserName, DisplayName, Email, PasswordHash, PasswordChangedAt, IsEnabled, FailedCount, Version)
OUTPUT inserted.Id AS [Id]
SELECT @P1, @P2, NULLIF(@P3, N''), @P4, SYSUTCDATETIME(), @P5, 0, 1
WHERE NOT EXISTS (SELECT 1 FROM Accounts.[User] AS u WHERE u.UserName = @P1);
