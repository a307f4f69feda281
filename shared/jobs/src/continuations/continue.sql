-- Writes one job that waits for another, inside the caller's transaction; children.sql and continued.sql go on.
-- @P1 [{"a": Arguments}]   @P2 InvocationData   @P3 queue   @P4 [{"n": parameter, "v": [value]}]   @P5 handler
-- @P6 parent   @P7 0 any finish, 1 success, 2 deletion, 3 failure   @P8 the Awaiting state's data
-- @P9 seconds until a child that is deleted unrun expires
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @unixMs bigint = DATEDIFF_BIG(millisecond, '1970-01-01', @now);
DECLARE @at nvarchar(20) = CAST(@unixMs AS nvarchar(20));
DECLARE @day nvarchar(10) = CONVERT(nvarchar(10), @now, 120);
DECLARE @hour nvarchar(13) = REPLACE(CONVERT(nvarchar(13), @now, 120), N' ', N'-');
DECLARE @keepSecs int = @P9;
DECLARE @parents int = 0;
DECLARE @parentState nvarchar(20);
DECLARE @expected bit = 0;
DECLARE @list nvarchar(40) = CASE WHEN @P7 = 3 THEN N'FailureContinuations' ELSE N'Continuations' END;
DECLARE @entry nvarchar(100);
DECLARE @job TABLE (Id bigint NOT NULL PRIMARY KEY);
DECLARE @awaiting TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);
DECLARE @finished TABLE (JobId bigint NOT NULL PRIMARY KEY, Name nvarchar(20) NOT NULL, Round int NOT NULL);

-- Changes nothing: whoever ends the parent waits for us, or we for him.
UPDATE j SET j.ExpireAt = j.ExpireAt FROM HangFire.Job AS j WHERE j.Id = @P6;
SET @parents = @@ROWCOUNT;

IF @parents = 1
BEGIN
    SELECT @parentState = j.StateName FROM HangFire.Job AS j WHERE j.Id = @P6;

    INSERT INTO HangFire.Job (StateName, InvocationData, Arguments, CreatedAt)
    OUTPUT inserted.Id INTO @job (Id)
    SELECT N'Awaiting', @P2, JSON_QUERY(x.value, '$.a'), @now FROM OPENJSON(@P1) AS x;

    INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data)
    OUTPUT inserted.Id, inserted.JobId INTO @awaiting (Id, JobId)
    SELECT j.Id, N'Awaiting', @now, @P8 FROM @job AS j;

    UPDATE j SET j.StateId = s.Id FROM HangFire.Job AS j INNER JOIN @awaiting AS s ON s.JobId = j.Id;

    INSERT INTO HangFire.JobParameter (JobId, Name, Value)
    SELECT j.Id, p.Name, SUBSTRING(p.Value, 2, LEN(p.Value) - 2)
    FROM @job AS j CROSS JOIN OPENJSON(@P4) WITH (Name nvarchar(40) '$.n', Value nvarchar(max) '$.v' AS JSON) AS p;

    SELECT @entry = N'{"JobId":"' + CAST(j.Id AS nvarchar(20)) + N'"'
        + CASE WHEN @P7 IN (1, 2) THEN N',"Options":' + CAST(@P7 AS nvarchar(1)) ELSE N'' END + N'}'
    FROM @job AS j;

    UPDATE p SET p.Value = LEFT(p.Value, LEN(p.Value) - 1) + CASE WHEN p.Value = N'[]' THEN N'' ELSE N',' END + @entry + N']'
    FROM HangFire.JobParameter AS p
    WHERE p.JobId = @P6 AND p.Name = @list AND LEFT(p.Value, 1) = N'[' AND RIGHT(p.Value, 1) = N']';
    IF @@ROWCOUNT = 0
    BEGIN
        DELETE p FROM HangFire.JobParameter AS p WHERE p.JobId = @P6 AND p.Name = @list;
        INSERT INTO HangFire.JobParameter (JobId, Name, Value) VALUES (@P6, @list, N'[' + @entry + N']');
    END;

    IF @parentState IN (N'Succeeded', N'Deleted', N'Failed')
        INSERT INTO @finished (JobId, Name, Round) VALUES (@P6, @parentState, 0);

    IF EXISTS (SELECT 1 FROM Jobs.ServerHandler AS h INNER JOIN Jobs.ServerQueue AS q ON q.ServerId = h.ServerId
               WHERE h.Handler = @P5 AND q.Queue = @P3)
        SET @expected = 1;
END;

