-- @P1 user id, @P2 display name, @P3 e-mail address, empty: none, @P4 whether the account is enabled.
UPDATE u
SET u.DisplayName = @P2, u.Email = NULLIF(@P3, N''), u.IsEnabled = @P4, u.Version = u.Version + 1, u.UpdatedAt = SYSUTCDATETIME()
FROM Accounts.[User] AS u
WHERE u.Id = @P1;
