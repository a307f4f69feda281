-- Hangfire's SQL schema, version 9, exactly as Hangfire itself leaves a fresh database: the dashboard and .NET clients
-- share these tables. An existing version 9 is left untouched, any other version is refused.
DECLARE @version int;
DECLARE @message nvarchar(400);

IF OBJECT_ID(N'HangFire.[Schema]', N'U') IS NOT NULL
BEGIN
    SELECT @version = MAX(s.Version) FROM HangFire.[Schema] AS s;
    IF @version IS NULL OR @version <> 9
    BEGIN
        SET @message = N'the database holds Hangfire schema version ' + COALESCE(CAST(@version AS nvarchar(10)), N'NULL')
            + N', this program works with version 9 only: let Hangfire 1.8 migrate it to 9 first';
        THROW 51009, @message, 1;
    END;
END
ELSE
BEGIN
    IF SCHEMA_ID(N'HangFire') IS NULL
        EXEC (N'CREATE SCHEMA [HangFire]');

    CREATE TABLE HangFire.[Schema] (
        Version int NOT NULL,
        CONSTRAINT PK_HangFire_Schema PRIMARY KEY CLUSTERED (Version)
    );

    CREATE TABLE HangFire.Job (
        Id bigint IDENTITY(1, 1) NOT NULL,
        StateId bigint NULL,
        StateName nvarchar(20) NULL,
        InvocationData nvarchar(max) NOT NULL,
        Arguments nvarchar(max) NOT NULL,
        CreatedAt datetime NOT NULL,
        ExpireAt datetime NULL,
        CONSTRAINT PK_HangFire_Job PRIMARY KEY CLUSTERED (Id)
    );
    CREATE NONCLUSTERED INDEX IX_HangFire_Job_StateName ON HangFire.Job (StateName) WHERE StateName IS NOT NULL;
    CREATE NONCLUSTERED INDEX IX_HangFire_Job_ExpireAt ON HangFire.Job (ExpireAt) INCLUDE (StateName)
        WHERE ExpireAt IS NOT NULL;

    CREATE TABLE HangFire.State (
        Id bigint IDENTITY(1, 1) NOT NULL,
        JobId bigint NOT NULL,
        Name nvarchar(20) NOT NULL,
        Reason nvarchar(100) NULL,
        CreatedAt datetime NOT NULL,
        Data nvarchar(max) NULL,
        CONSTRAINT PK_HangFire_State PRIMARY KEY CLUSTERED (JobId, Id),
        CONSTRAINT FK_HangFire_State_Job FOREIGN KEY (JobId) REFERENCES HangFire.Job (Id)
            ON UPDATE CASCADE ON DELETE CASCADE
    );
    CREATE NONCLUSTERED INDEX IX_HangFire_State_CreatedAt ON HangFire.State (CreatedAt);

    CREATE TABLE HangFire.JobParameter (
        JobId bigint NOT NULL,
        Name nvarchar(40) NOT NULL,
        Value nvarchar(max) NULL,
        CONSTRAINT PK_HangFire_JobParameter PRIMARY KEY CLUSTERED (JobId, Name),
        CONSTRAINT FK_HangFire_JobParameter_Job FOREIGN KEY (JobId) REFERENCES HangFire.Job (Id)
            ON UPDATE CASCADE ON DELETE CASCADE
    );

    CREATE TABLE HangFire.JobQueue (
        Id bigint IDENTITY(1, 1) NOT NULL,
        JobId bigint NOT NULL,
        Queue nvarchar(50) NOT NULL,
        FetchedAt datetime NULL,
        CONSTRAINT PK_HangFire_JobQueue PRIMARY KEY CLUSTERED (Queue, Id)
    );

    CREATE TABLE HangFire.Server (
        Id nvarchar(200) NOT NULL,
        Data nvarchar(max) NULL,
        LastHeartbeat datetime NOT NULL,
        CONSTRAINT PK_HangFire_Server PRIMARY KEY CLUSTERED (Id)
    );
    CREATE NONCLUSTERED INDEX IX_HangFire_Server_LastHeartbeat ON HangFire.Server (LastHeartbeat);

    CREATE TABLE HangFire.Hash (
        [Key] nvarchar(100) NOT NULL,
        Field nvarchar(100) NOT NULL,
        Value nvarchar(max) NULL,
        ExpireAt datetime2(7) NULL,
        CONSTRAINT PK_HangFire_Hash PRIMARY KEY CLUSTERED ([Key], Field) WITH (IGNORE_DUP_KEY = ON)
    );
    CREATE NONCLUSTERED INDEX IX_HangFire_Hash_ExpireAt ON HangFire.Hash (ExpireAt) WHERE ExpireAt IS NOT NULL;

    CREATE TABLE HangFire.List (
        Id bigint IDENTITY(1, 1) NOT NULL,
        [Key] nvarchar(100) NOT NULL,
        Value nvarchar(max) NULL,
        ExpireAt datetime NULL,
        CONSTRAINT PK_HangFire_List PRIMARY KEY CLUSTERED ([Key], Id)
    );
    CREATE NONCLUSTERED INDEX IX_HangFire_List_ExpireAt ON HangFire.List (ExpireAt) WHERE ExpireAt IS NOT NULL;

    CREATE TABLE HangFire.[Set] (
        [Key] nvarchar(100) NOT NULL,
        Score float NOT NULL,
        Value nvarchar(256) NOT NULL,
        ExpireAt datetime NULL,
        CONSTRAINT PK_HangFire_Set PRIMARY KEY CLUSTERED ([Key], Value) WITH (IGNORE_DUP_KEY = ON)
    );
    CREATE NONCLUSTERED INDEX IX_HangFire_Set_Score ON HangFire.[Set] ([Key], Score);
    CREATE NONCLUSTERED INDEX IX_HangFire_Set_ExpireAt ON HangFire.[Set] (ExpireAt) WHERE ExpireAt IS NOT NULL;

    CREATE TABLE HangFire.Counter (
        [Key] nvarchar(100) NOT NULL,
        Value int NOT NULL,
        ExpireAt datetime NULL,
        Id bigint IDENTITY(1, 1) NOT NULL,
        CONSTRAINT PK_HangFire_Counter PRIMARY KEY CLUSTERED ([Key], Id)
    );

    CREATE TABLE HangFire.AggregatedCounter (
        [Key] nvarchar(100) NOT NULL,
        Value bigint NOT NULL,
        ExpireAt datetime NULL,
        CONSTRAINT PK_HangFire_CounterAggregated PRIMARY KEY CLUSTERED ([Key])
    );
    CREATE NONCLUSTERED INDEX IX_HangFire_AggregatedCounter_ExpireAt ON HangFire.AggregatedCounter (ExpireAt)
        WHERE ExpireAt IS NOT NULL;

    INSERT INTO HangFire.[Schema] (Version) VALUES (9);
END;
