-- Who may do what: users, roles with their permissions, sessions; and the keys that access tokens are signed with,
-- which every process reads.
-- User names and role names are written normalised (NFC, lower case, trimmed) and compared by their bytes.
IF SCHEMA_ID(N'Accounts') IS NULL
    EXEC (N'CREATE SCHEMA [Accounts]');
GO
-- A system role cannot be changed or deleted. Every change of users and roles first takes the row of
-- `__administrator`: one such change at a time, so that none is judged by what another is about to take away.
CREATE TABLE Accounts.Role (
    Id bigint IDENTITY(1, 1) NOT NULL,
    Name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Description nvarchar(500) NOT NULL,
    IsSystem bit NOT NULL,
    Version bigint NOT NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_Role_CreatedAt DEFAULT SYSUTCDATETIME(),
    UpdatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_Role_UpdatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Accounts_Role PRIMARY KEY CLUSTERED (Id),
    CONSTRAINT UQ_Accounts_Role_Name UNIQUE NONCLUSTERED (Name)
);

-- `resource:action`, or `*` for every permission there is and will be.
CREATE TABLE Accounts.RolePermission (
    RoleId bigint NOT NULL,
    Permission nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CONSTRAINT PK_Accounts_RolePermission PRIMARY KEY CLUSTERED (RoleId, Permission),
    CONSTRAINT FK_Accounts_RolePermission_Role FOREIGN KEY (RoleId) REFERENCES Accounts.Role (Id)
);

-- PasswordHash is a PHC string (argon2id). FailedCount counts wrong passwords since the last right one or lock-out.
CREATE TABLE Accounts.[User] (
    Id bigint IDENTITY(1, 1) NOT NULL,
    UserName nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    DisplayName nvarchar(255) NOT NULL,
    Email nvarchar(254) NULL,
    PasswordHash nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    PasswordChangedAt datetime2(7) NOT NULL,
    IsEnabled bit NOT NULL,
    FailedCount int NOT NULL,
    LockedUntil datetime2(7) NULL,
    LastSignedInAt datetime2(7) NULL,
    Version bigint NOT NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_User_CreatedAt DEFAULT SYSUTCDATETIME(),
    UpdatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_User_UpdatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Accounts_User PRIMARY KEY CLUSTERED (Id),
    CONSTRAINT UQ_Accounts_User_UserName UNIQUE NONCLUSTERED (UserName)
);

CREATE TABLE Accounts.UserRole (
    UserId bigint NOT NULL,
    RoleId bigint NOT NULL,
    CONSTRAINT PK_Accounts_UserRole PRIMARY KEY CLUSTERED (UserId, RoleId),
    CONSTRAINT FK_Accounts_UserRole_User FOREIGN KEY (UserId) REFERENCES Accounts.[User] (Id),
    CONSTRAINT FK_Accounts_UserRole_Role FOREIGN KEY (RoleId) REFERENCES Accounts.Role (Id)
);
CREATE NONCLUSTERED INDEX IX_Accounts_UserRole_RoleId ON Accounts.UserRole (RoleId);

-- One row is one sign-in and the whole family of its refresh tokens. A refresh token names the row by Handle; its
-- secret part is stored as SHA-256. PreviousHash is the token before the current one: RotatedAt says when it was
-- exchanged. A row that is gone is a session that has ended.
CREATE TABLE Accounts.Session (
    Id bigint IDENTITY(1, 1) NOT NULL,
    UserId bigint NOT NULL,
    Handle uniqueidentifier NOT NULL,
    CurrentHash varbinary(32) NOT NULL,
    PreviousHash varbinary(32) NULL,
    RotatedAt datetime2(7) NOT NULL,
    ExpiresAt datetime2(7) NOT NULL,
    ClientAddress nvarchar(45) NOT NULL,
    UserAgent nvarchar(255) NOT NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_Session_CreatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Accounts_Session PRIMARY KEY CLUSTERED (Id),
    CONSTRAINT UQ_Accounts_Session_Handle UNIQUE NONCLUSTERED (Handle),
    CONSTRAINT FK_Accounts_Session_User FOREIGN KEY (UserId) REFERENCES Accounts.[User] (Id)
);
CREATE NONCLUSTERED INDEX IX_Accounts_Session_UserId ON Accounts.Session (UserId);
CREATE NONCLUSTERED INDEX IX_Accounts_Session_ExpiresAt ON Accounts.Session (ExpiresAt);

-- Of the keys whose SignsFrom has come, the latest signs; every key verifies until VerifiesUntil.
CREATE TABLE Accounts.SigningKey (
    KeyId nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Secret varbinary(64) NOT NULL,
    SignsFrom datetime2(7) NOT NULL,
    VerifiesUntil datetime2(7) NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Accounts_SigningKey_CreatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Accounts_SigningKey PRIMARY KEY CLUSTERED (KeyId)
);
GO
INSERT INTO Accounts.Role (Name, Description, IsSystem, Version)
VALUES
    (N'__administrator', N'May do everything', 1, 1),
    (N'catalog-manager', N'Edits stores, products and imports', 0, 1),
    (N'read-only', N'Sees the catalog and changes nothing', 0, 1);

INSERT INTO Accounts.RolePermission (RoleId, Permission)
SELECT r.Id, x.Permission
FROM Accounts.Role AS r
INNER JOIN (VALUES
    (N'__administrator', N'*'),
    (N'catalog-manager', N'store:read'),
    (N'catalog-manager', N'store:update'),
    (N'catalog-manager', N'product:read'),
    (N'catalog-manager', N'product:update'),
    (N'catalog-manager', N'import:read'),
    (N'catalog-manager', N'import:run'),
    (N'read-only', N'store:read'),
    (N'read-only', N'product:read'),
    (N'read-only', N'import:read')
) AS x (Role, Permission) ON x.Role = r.Name;
