-- @P1 user id, @P2 password hash.
UPDATE u
SET u.PasswordHash = @P2, u.PasswordChangedAt = SYSUTCDATETIME(), u.Version = u.Version + 1, u.UpdatedAt = SYSUTCDATETIME()
FROM Accounts.[User] AS u
WHERE u.Id = @P1;
