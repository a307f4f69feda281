-- Keys in the order of their names, a row for each permission.
-- @P1 the name behind which they begin, @P2 how many keys.
SELECT k.Id, k.ClientId, k.Name, k.UserId, u.UserName, k.IsEnabled, k.ExpiresAt, k.LastUsedAt, k.LastRefusedAt, k.SecretUsedAt,
    CASE WHEN k.PreviousSecretHash IS NOT NULL AND k.PreviousSecretUntil > SYSUTCDATETIME() THEN k.PreviousSecretUntil END AS PreviousSecretUntil,
    k.CreatedBy, k.Version, k.CreatedAt, k.UpdatedAt, p.Permission
FROM (
    SELECT TOP (@P2) x.Id, x.ClientId, x.Name, x.UserId, x.IsEnabled, x.ExpiresAt, x.LastUsedAt, x.LastRefusedAt,
        x.SecretUsedAt, x.PreviousSecretHash, x.PreviousSecretUntil, x.CreatedBy, x.Version, x.CreatedAt, x.UpdatedAt
    FROM Accounts.ApiKey AS x
    WHERE x.Name > @P1
    ORDER BY x.Name
) AS k
INNER JOIN Accounts.[User] AS u ON u.Id = k.UserId
LEFT JOIN Accounts.ApiKeyPermission AS p ON p.ApiKeyId = k.Id
ORDER BY k.Name, p.Permission;
