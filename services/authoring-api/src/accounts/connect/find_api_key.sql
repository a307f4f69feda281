-- The key of a client, and why it may not be used, if so. Wrong passwords lock a user against passwords only.
-- @P1 client id.
SELECT k.Id, k.Name, k.UserId, k.SecretHash,
    CASE WHEN k.PreviousSecretUntil > SYSUTCDATETIME() THEN k.PreviousSecretHash ELSE NULL END AS PreviousSecretHash,
    CASE
        WHEN k.IsEnabled = 0 THEN N'the key is disabled'
        WHEN k.ExpiresAt <= SYSUTCDATETIME() THEN N'the key has expired'
        WHEN u.IsEnabled = 0 OR u.LockedUntil >= CAST(N'9999-12-31' AS datetime2(7))
            THEN N'the user of the key is disabled or locked'
        ELSE NULL
    END AS Obstacle
FROM Accounts.ApiKey AS k
INNER JOIN Accounts.[User] AS u ON u.Id = k.UserId
WHERE k.ClientId = @P1;
