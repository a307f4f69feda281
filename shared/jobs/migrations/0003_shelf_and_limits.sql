-- Jobs that wait outside of their queue, so that claims never look at them. Reason "handler": no live server of the queue
-- runs Key. Reason "limit": as many jobs of the limit Key run as may. (Jobs.Hold stays for what waits inside of its
-- queue: a type that other servers run.)
CREATE TABLE Jobs.Shelf (
    JobId bigint NOT NULL,
    Queue nvarchar(50) NOT NULL,
    Reason nvarchar(20) NOT NULL,
    [Key] nvarchar(250) NOT NULL,
    ShelvedAt datetime2(7) NOT NULL CONSTRAINT DF_Jobs_Shelf_ShelvedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Jobs_Shelf PRIMARY KEY CLUSTERED (JobId)
);
CREATE NONCLUSTERED INDEX IX_Jobs_Shelf_Key ON Jobs.Shelf (Reason, [Key], JobId);

-- A limit: how many jobs of one key may run at a time. Touched is raised by whoever grants or frees a place, so that they
-- take turns.
CREATE TABLE Jobs.Limit (
    [Key] nvarchar(250) NOT NULL,
    Places int NOT NULL,
    Touched bigint NOT NULL CONSTRAINT DF_Jobs_Limit_Touched DEFAULT 0,
    CONSTRAINT PK_Jobs_Limit PRIMARY KEY CLUSTERED ([Key])
);

-- Its places, 1 to Places. A place is taken as long as its fence (StateId) is the state of a Processing job: so whoever
-- ends the job in whatever way, the place cannot leak.
CREATE TABLE Jobs.LimitPlace (
    [Key] nvarchar(250) NOT NULL,
    Place int NOT NULL,
    JobId bigint NULL,
    StateId bigint NULL,
    CONSTRAINT PK_Jobs_LimitPlace PRIMARY KEY CLUSTERED ([Key], Place)
);
CREATE NONCLUSTERED INDEX IX_Jobs_LimitPlace_StateId ON Jobs.LimitPlace (StateId);

-- Jobs whose process died twice run one at a time (complete.sql). Keys of users do not begin with #.
INSERT INTO Jobs.Limit ([Key], Places) VALUES (N'#suspect', 1);
INSERT INTO Jobs.LimitPlace ([Key], Place) VALUES (N'#suspect', 1);

-- The limit that a job is under.
CREATE TABLE Jobs.JobLimit (
    JobId bigint NOT NULL,
    [Key] nvarchar(250) NOT NULL,
    CONSTRAINT PK_Jobs_JobLimit PRIMARY KEY CLUSTERED (JobId)
);

-- Unique keys, and the job that has each. Whether it still does is told by the state of the job (Scope), or by Until.
CREATE TABLE Jobs.UniqueKey (
    [Key] nvarchar(250) NOT NULL,
    JobId bigint NOT NULL,
    Scope nvarchar(10) NOT NULL,
    Until datetime2(7) NULL,
    CONSTRAINT PK_Jobs_UniqueKey PRIMARY KEY CLUSTERED ([Key])
);
CREATE NONCLUSTERED INDEX IX_Jobs_UniqueKey_JobId ON Jobs.UniqueKey (JobId);
