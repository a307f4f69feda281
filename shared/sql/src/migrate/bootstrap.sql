IF SCHEMA_ID(N'Platform') IS NULL EXEC (N'CREATE SCHEMA Platform');
GO
IF OBJECT_ID(N'Platform.Migration', N'U') IS NULL
CREATE TABLE Platform.Migration (
    Component nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Version int NOT NULL,
    Name nvarchar(200) NOT NULL,
    Checksum nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    MinBinary int NOT NULL,
    AppliedAt datetime2(7) NOT NULL CONSTRAINT DF_Migration_AppliedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Migration PRIMARY KEY CLUSTERED (Component, Version)
);
