-- Users in the order of their names, a row for each role. Texts that people wrote are compared in lower case.
-- @P1 the name behind which they begin, @P2 how many users, @P3 what one of their texts contains, in lower case; empty: all.
SELECT u.Id, u.UserName, u.DisplayName, u.Email, u.IsEnabled, u.LastSignedInAt, u.PasswordChangedAt, u.Version, u.CreatedAt,
    u.UpdatedAt,
    CASE WHEN u.LockedUntil > SYSUTCDATETIME() THEN 1 ELSE 0 END AS IsLocked,
    CASE WHEN u.LockedUntil > SYSUTCDATETIME() AND u.LockedUntil < CAST(N'9999-12-31' AS datetime2(7)) THEN u.LockedUntil END AS LockedUntil,
    r.Name AS Role
FROM (
    SELECT TOP (@P2) x.Id, x.UserName, x.DisplayName, x.Email, x.IsEnabled, x.LastSignedInAt, x.PasswordChangedAt, x.Version,
        x.CreatedAt, x.UpdatedAt, x.LockedUntil
    FROM Accounts.[User] AS x
    WHERE x.UserName > @P1
        AND (@P3 = N''
            OR CHARINDEX(@P3, x.UserName) > 0
            OR CHARINDEX(@P3, LOWER(x.DisplayName) COLLATE Latin1_General_100_BIN2) > 0
            OR CHARINDEX(@P3, LOWER(x.Email) COLLATE Latin1_General_100_BIN2) > 0)
    ORDER BY x.UserName
) AS u
LEFT JOIN Accounts.UserRole AS ur ON ur.UserId = u.Id
LEFT JOIN Accounts.Role AS r ON r.Id = ur.RoleId
ORDER BY u.UserName, r.Name;
