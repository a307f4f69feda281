CREATE TABLE Platform.FeedHead (
    Id int NOT NULL,
    LogId bigint NOT NULL,
    Head bigint NOT NULL,
    Mark bigint NOT NULL,
    PrunedTo bigint NOT NULL,
    CONSTRAINT PK_FeedHead PRIMARY KEY CLUSTERED (Id),
    CONSTRAINT CK_FeedHead_OneRow CHECK (Id = 1)
);
CREATE TABLE Platform.ChangeFeed (
    Seq bigint NOT NULL,
    Tag bigint NOT NULL,
    Mark bigint NOT NULL,
    At datetime2(7) NOT NULL CONSTRAINT DF_ChangeFeed_At DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_ChangeFeed PRIMARY KEY CLUSTERED (Seq)
);
CREATE TABLE Platform.[Commit] (
    TxId bigint NOT NULL,
    Fenced bit NOT NULL,
    LogId bigint NULL,
    LastSeq bigint NULL,
    At datetime2(7) NOT NULL CONSTRAINT DF_Commit_At DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Commit PRIMARY KEY CLUSTERED (TxId)
);
CREATE INDEX IX_Commit_At ON Platform.[Commit] (At);
