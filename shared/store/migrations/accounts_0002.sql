-- API keys: with what programs sign in (OAuth 2.0, client credentials). A key belongs to a user and ends with them; what
-- it may do is what stands here, as far as its user may do it at that moment.
-- SecretHash is SHA-256 of 256 random bits. A fast hash does: a slow one makes guessing expensive, and of random secrets
-- of this size there are too many to guess at any speed. PreviousSecretHash is the secret before the last rotation,
-- good until PreviousSecretUntil, so that both are while a program is given the new one.
-- SecretUsedAt is NULL while nobody has used the current secret; LastUsedAt is about either. Both are written at most
-- once a minute, apart from first uses; LastRefusedAt likewise.
CREATE TABLE Accounts.ApiKey (
    Id bigint IDENTITY(1, 1) NOT NULL,
    ClientId uniqueidentifier NOT NULL,
    Name nvarchar(100) NOT NULL,
    UserId bigint NOT NULL,
    SecretHash varbinary(32) NOT NULL,
    SecretUsedAt datetime2(7) NULL,
    PreviousSecretHash varbinary(32) NULL,
    PreviousSecretUntil datetime2(7) NULL,
    ExpiresAt datetime2(7) NULL,
    IsEnabled bit NOT NULL,
    LastUsedAt datetime2(7) NULL,
    LastRefusedAt datetime2(7) NULL,
    CreatedBy nvarchar(255) NOT NULL,
    Version bigint NOT NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_ApiKey_CreatedAt DEFAULT SYSUTCDATETIME(),
    UpdatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_ApiKey_UpdatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Accounts_ApiKey PRIMARY KEY CLUSTERED (Id),
    CONSTRAINT UQ_Accounts_ApiKey_ClientId UNIQUE NONCLUSTERED (ClientId),
    CONSTRAINT FK_Accounts_ApiKey_User FOREIGN KEY (UserId) REFERENCES Accounts.[User] (Id) ON DELETE CASCADE
);
CREATE NONCLUSTERED INDEX IX_Accounts_ApiKey_UserId ON Accounts.ApiKey (UserId);

-- `resource:action`, or `*` for everything that the key's user may do.
CREATE TABLE Accounts.ApiKeyPermission (
    ApiKeyId bigint NOT NULL,
    Permission nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CONSTRAINT PK_Accounts_ApiKeyPermission PRIMARY KEY CLUSTERED (ApiKeyId, Permission),
    CONSTRAINT FK_Accounts_ApiKeyPermission_ApiKey FOREIGN KEY (ApiKeyId) REFERENCES Accounts.ApiKey (Id) ON DELETE CASCADE
);
