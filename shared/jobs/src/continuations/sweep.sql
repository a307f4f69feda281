-- Looks at a window of the jobs that wait for others, for parents that have ended; children.sql and swept.sql go on.
-- @P1 id behind which the window begins   @P2 its size   @P3 seconds until a child that is deleted unrun expires
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @unixMs bigint = DATEDIFF_BIG(millisecond, '1970-01-01', @now);
DECLARE @at nvarchar(20) = CAST(@unixMs AS nvarchar(20));
DECLARE @day nvarchar(10) = CONVERT(nvarchar(10), @now, 120);
DECLARE @hour nvarchar(13) = REPLACE(CONVERT(nvarchar(13), @now, 120), N' ', N'-');
DECLARE @keepSecs int = @P3;
DECLARE @lock int = 0;
DECLARE @next bigint = 0;
DECLARE @window TABLE (JobId bigint NOT NULL PRIMARY KEY, StateId bigint NOT NULL, ParentId bigint NULL);
DECLARE @orphan TABLE (JobId bigint NOT NULL PRIMARY KEY);
DECLARE @orphanState TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);
DECLARE @finished TABLE (JobId bigint NOT NULL PRIMARY KEY, Name nvarchar(20) NOT NULL, Round int NOT NULL);

BEGIN TRANSACTION;

EXEC @lock = sp_getapplock @Resource = N'Jobs:continuations', @LockMode = N'Exclusive', @LockOwner = N'Transaction',
    @LockTimeout = 0;

IF @lock >= 0
BEGIN
    INSERT INTO @window (JobId, StateId)
    SELECT TOP (@P2) j.Id, j.StateId
    FROM HangFire.Job AS j
    WHERE j.StateName = N'Awaiting' AND j.Id > @P1
    ORDER BY j.Id;
    IF @@ROWCOUNT = @P2
        SELECT @next = MAX(w.JobId) FROM @window AS w;

    UPDATE w SET w.ParentId = TRY_CAST(JSON_VALUE(s.Data, '$.ParentId') AS bigint)
    FROM @window AS w INNER JOIN HangFire.State AS s ON s.JobId = w.JobId AND s.Id = w.StateId
    WHERE ISJSON(s.Data) = 1;

    INSERT INTO @finished (JobId, Name, Round)
    SELECT DISTINCT p.Id, p.StateName, 0
    FROM @window AS w INNER JOIN HangFire.Job AS p ON p.Id = w.ParentId
    WHERE p.StateName IN (N'Succeeded', N'Deleted');

    -- Nobody can tell any more how the parent ended: people have to decide.
    UPDATE j SET j.StateName = N'Failed'
    OUTPUT inserted.Id INTO @orphan (JobId)
    FROM HangFire.Job AS j INNER JOIN @window AS w ON w.JobId = j.Id
    WHERE j.StateName = N'Awaiting' AND NOT EXISTS (SELECT 1 FROM HangFire.Job AS p WHERE p.Id = w.ParentId);

    INSERT INTO HangFire.State (JobId, Name, Reason, CreatedAt, Data)
    OUTPUT inserted.Id, inserted.JobId INTO @orphanState (Id, JobId)
    SELECT o.JobId, N'Failed', N'The job that it waits for is gone', @now,
        N'{"FailedAt":"' + @at + N'","ExceptionType":"jobs::ParentGone","ExceptionMessage":"the job that it waits for is gone","ExceptionDetails":"the job that it waits for is gone"}'
    FROM @orphan AS o
    ORDER BY o.JobId;

    UPDATE j SET j.StateId = s.Id FROM HangFire.Job AS j INNER JOIN @orphanState AS s ON s.JobId = j.Id;
END;

