-- What Hangfire's tables have no room for. SQL schema Jobs is ours alone: nothing here is read by .NET.
IF SCHEMA_ID(N'Jobs') IS NULL
    EXEC (N'CREATE SCHEMA [Jobs]');

-- One row per live job server of ours, beside its row in HangFire.Server. Beat rises with each heartbeat: observers
-- compare numbers, never times. BeatMs is the interval that this server promised.
CREATE TABLE Jobs.Server (
    Id nvarchar(200) NOT NULL,
    Beat bigint NOT NULL,
    BeatMs int NOT NULL,
    StartedAt datetime2(7) NOT NULL CONSTRAINT DF_Jobs_Server_StartedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Jobs_Server PRIMARY KEY CLUSTERED (Id)
);

-- What a server declared that it reads and runs. Handler is "{type}::{method}".
CREATE TABLE Jobs.ServerQueue (
    ServerId nvarchar(200) NOT NULL,
    Queue nvarchar(50) NOT NULL,
    CONSTRAINT PK_Jobs_ServerQueue PRIMARY KEY CLUSTERED (ServerId, Queue)
);
CREATE TABLE Jobs.ServerHandler (
    ServerId nvarchar(200) NOT NULL,
    Handler nvarchar(250) NOT NULL,
    CONSTRAINT PK_Jobs_ServerHandler PRIMARY KEY CLUSTERED (ServerId, Handler)
);

-- Who runs what. StateId is the fence: the id of the Processing row that the claim wrote.
CREATE TABLE Jobs.Lease (
    JobId bigint NOT NULL,
    StateId bigint NOT NULL,
    Queue nvarchar(50) NOT NULL,
    QueueId bigint NOT NULL,
    ServerId nvarchar(200) NOT NULL,
    RenewedAt datetime2(7) NOT NULL CONSTRAINT DF_Jobs_Lease_RenewedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Jobs_Lease PRIMARY KEY CLUSTERED (JobId)
);
CREATE NONCLUSTERED INDEX IX_Jobs_Lease_ServerId ON Jobs.Lease (ServerId);

-- Jobs that claims skip. Reason "handler": Key names the handler that the claiming server did not have.
CREATE TABLE Jobs.Hold (
    JobId bigint NOT NULL,
    Reason nvarchar(20) NOT NULL,
    [Key] nvarchar(250) NOT NULL,
    HeldAt datetime2(7) NOT NULL CONSTRAINT DF_Jobs_Hold_HeldAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Jobs_Hold PRIMARY KEY CLUSTERED (JobId)
);
CREATE NONCLUSTERED INDEX IX_Jobs_Hold_Key ON Jobs.Hold ([Key]);

-- How often a server process died, alone, while it ran this job. Gone once the job succeeds.
CREATE TABLE Jobs.Delivery (
    JobId bigint NOT NULL,
    Deaths int NOT NULL,
    LastAt datetime2(7) NOT NULL CONSTRAINT DF_Jobs_Delivery_LastAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Jobs_Delivery PRIMARY KEY CLUSTERED (JobId)
);
