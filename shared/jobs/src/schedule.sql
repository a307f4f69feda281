-- Writes jobs of one type for later, inside the caller's transaction.
-- @P1 [{"a": Arguments}, …]   @P2 InvocationData   @P3 queue   @P4 [{"n": parameter, "v": [value]}]
-- @P5 handler, to tell whether any server would run it   @P6 due, ms   @P7 1 = from now, 0 = unix time
-- -> JobId, Expected in the order of @P1: identity values follow ORDER BY.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @unixMs bigint = DATEDIFF_BIG(millisecond, '1970-01-01', @now);
DECLARE @dueMs bigint = CASE WHEN @P7 = 1 THEN @unixMs + @P6 ELSE @P6 END;
DECLARE @data nvarchar(200) = N'{"EnqueueAt":"' + CAST(@dueMs AS nvarchar(20)) + N'","ScheduledAt":"'
    + CAST(@unixMs AS nvarchar(20)) + N'"}';
DECLARE @expected bit = 0;
DECLARE @job TABLE (Id bigint NOT NULL PRIMARY KEY);
DECLARE @state TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);

INSERT INTO HangFire.Job (StateName, InvocationData, Arguments, CreatedAt)
OUTPUT inserted.Id INTO @job (Id)
SELECT N'Scheduled', @P2, JSON_QUERY(x.value, '$.a'), @now
FROM OPENJSON(@P1) AS x
ORDER BY CAST(x.[key] AS int);

INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data)
OUTPUT inserted.Id, inserted.JobId INTO @state (Id, JobId)
SELECT j.Id, N'Scheduled', @now, @data
FROM @job AS j
ORDER BY j.Id;

UPDATE j SET j.StateId = s.Id
FROM HangFire.Job AS j INNER JOIN @state AS s ON s.JobId = j.Id;

INSERT INTO HangFire.JobParameter (JobId, Name, Value)
SELECT j.Id, p.Name, SUBSTRING(p.Value, 2, LEN(p.Value) - 2)
FROM @job AS j CROSS JOIN OPENJSON(@P4) WITH (Name nvarchar(40) '$.n', Value nvarchar(max) '$.v' AS JSON) AS p;

-- The member names the queue, so that a .NET scheduler can move it without loading our type. Seconds are rounded up: a job
-- never begins before its time.
INSERT INTO HangFire.[Set] ([Key], Score, Value)
SELECT N'schedule', CAST((@dueMs + 999) / 1000 AS float), @P3 + N':' + CAST(j.Id AS nvarchar(20))
FROM @job AS j;

IF EXISTS (SELECT 1 FROM Jobs.ServerHandler AS h INNER JOIN Jobs.ServerQueue AS q ON q.ServerId = h.ServerId
           WHERE h.Handler = @P5 AND q.Queue = @P3)
    SET @expected = 1;

SELECT j.Id AS JobId, @expected AS Expected FROM @job AS j ORDER BY j.Id;
