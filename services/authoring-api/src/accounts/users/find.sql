-- One user, a row for each role. A lock that does not end by itself has no time.
-- @P1 user id.
SELECT u.Id, u.UserName, u.DisplayName, u.Email, u.IsEnabled, u.LastSignedInAt, u.PasswordChangedAt, u.Version, u.CreatedAt,
    u.UpdatedAt,
    CASE WHEN u.LockedUntil > SYSUTCDATETIME() THEN 1 ELSE 0 END AS IsLocked,
    CASE WHEN u.LockedUntil > SYSUTCDATETIME() AND u.LockedUntil < CAST(N'9999-12-31' AS datetime2(7)) THEN u.LockedUntil END AS LockedUntil,
    r.Name AS Role
FROM Accounts.[User] AS u
LEFT JOIN Accounts.UserRole AS ur ON ur.UserId = u.Id
LEFT JOIN Accounts.Role AS r ON r.Id = ur.RoleId
WHERE u.Id = @P1
ORDER BY r.Name;
