-- Durable push notifications: one feed a user, numbered in the order of commits.
-- UserFeed.Head is the number given last. A transaction takes numbers from it and holds the row until it ends, so no
-- smaller number of the user can be committed later; they rise, with gaps. Rows up to PrunedTo may be gone.
-- UserId is whatever the application tells users apart by; comparison is by bytes.
IF SCHEMA_ID(N'Platform') IS NULL
    EXEC (N'CREATE SCHEMA [Platform]');
GO
CREATE TABLE Platform.UserFeed (
    UserId nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Head bigint NOT NULL,
    PrunedTo bigint NOT NULL,
    CONSTRAINT PK_Platform_UserFeed PRIMARY KEY CLUSTERED (UserId)
);

-- A row that changes – progress, read, raised again – gets a new Number: whoever read up to some number finds
-- everything that is new or different above it, each row once.
-- CollapseKey: what is raised again under the same key takes the place of the row; empty: nothing does.
-- Content is a JSON object, the fields of NotifyType.
CREATE TABLE Platform.PushNotification (
    UserId nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Id uniqueidentifier NOT NULL,
    Number bigint NOT NULL,
    CollapseKey nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    NotifyType nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    ServerId nvarchar(100) NOT NULL,
    Creator nvarchar(255) NOT NULL,
    Title nvarchar(500) NOT NULL,
    Description nvarchar(2000) NOT NULL,
    Content nvarchar(max) NOT NULL,
    RepeatCount int NOT NULL,
    IsNew bit NOT NULL,
    CreatedAt datetime2(7) NOT NULL,
    ChangedAt datetime2(7) NOT NULL,
    CONSTRAINT PK_Platform_PushNotification PRIMARY KEY CLUSTERED (UserId, Id),
    CONSTRAINT UQ_Platform_PushNotification_Number UNIQUE NONCLUSTERED (UserId, Number)
);
CREATE NONCLUSTERED INDEX IX_Platform_PushNotification_CollapseKey
    ON Platform.PushNotification (CollapseKey, UserId)
    WHERE CollapseKey <> N'';
CREATE NONCLUSTERED INDEX IX_Platform_PushNotification_ChangedAt
    ON Platform.PushNotification (ChangedAt);
