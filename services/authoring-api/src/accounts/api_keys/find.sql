-- One key, a row for each permission.
-- @P1 key id.
SELECT k.Id, k.ClientId, k.Name, k.UserId, u.UserName, k.IsEnabled, k.ExpiresAt, k.LastUsedAt, k.LastRefusedAt, k.SecretUsedAt,
    CASE WHEN k.PreviousSecretHash IS NOT NULL AND k.PreviousSecretUntil > SYSUTCDATETIME() THEN k.PreviousSecretUntil END AS PreviousSecretUntil,
    k.CreatedBy, k.Version, k.CreatedAt, k.UpdatedAt, p.Permission
FROM Accounts.ApiKey AS k
INNER JOIN Accounts.[User] AS u ON u.Id = k.UserId
LEFT JOIN Accounts.ApiKeyPermission AS p ON p.ApiKeyId = k.Id
WHERE k.Id = @P1
ORDER BY p.Permission;
