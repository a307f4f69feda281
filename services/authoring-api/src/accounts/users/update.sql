-- @P1 user id, @P2 display name, @P3 e-mail address or NULL, @P4 whether the account is enabled.
UPDATE u
SET u.DisplayName = @P2, u.Email = @P3, u.IsEnabled = @P4, u.Version = u.Version + 1, u.UpdatedAt = SYSUTCDATETIME()
FROM Accounts.[User] AS u
WHERE u.Id = @P1;
