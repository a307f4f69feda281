-- Queues that rest: claims leave them alone until somebody takes the row away. Enqueuing goes on.
CREATE TABLE Jobs.PausedQueue (
    Queue nvarchar(50) NOT NULL,
    PausedAt datetime2(7) NOT NULL CONSTRAINT DF_Jobs_PausedQueue_PausedAt DEFAULT SYSUTCDATETIME(),
    PausedBy nvarchar(255) NOT NULL,
    CONSTRAINT PK_Jobs_PausedQueue PRIMARY KEY CLUSTERED (Queue)
);
