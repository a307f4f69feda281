-- Writes jobs of one type into one queue, inside the caller's transaction.
-- @P1 [{"a": Arguments}, …]   @P2 InvocationData   @P3 queue   @P4 [{"n": parameter, "v": [value]}]
-- @P5 handler, to tell whether any server would run it
-- Arguments and values are JSON themselves and travel as such (a value inside an array of one): nothing is escaped twice.
-- Babelfish 4 would leave escapes in strings from OPENJSON, and cut columns of its WITH clause at 4,000 characters.
-- -> JobId, Expected in the order of @P1: identity values follow ORDER BY.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @data nvarchar(200) = N'{"EnqueuedAt":"'
    + CAST(DATEDIFF_BIG(millisecond, '1970-01-01', @now) AS nvarchar(20)) + N'","Queue":"' + @P3 + N'"}';
DECLARE @expected bit = 0;
DECLARE @job TABLE (Id bigint NOT NULL PRIMARY KEY);
DECLARE @state TABLE (Id bigint NOT NULL, JobId bigint NOT NULL PRIMARY KEY);

INSERT INTO HangFire.Job (StateName, InvocationData, Arguments, CreatedAt)
OUTPUT inserted.Id INTO @job (Id)
SELECT N'Enqueued', @P2, JSON_QUERY(x.value, '$.a'), @now
FROM OPENJSON(@P1) AS x
ORDER BY CAST(x.[key] AS int);

INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data)
OUTPUT inserted.Id, inserted.JobId INTO @state (Id, JobId)
SELECT j.Id, N'Enqueued', @now, @data
FROM @job AS j
ORDER BY j.Id;

UPDATE j SET j.StateId = s.Id
FROM @state AS s INNER JOIN HangFire.Job AS j ON j.Id = s.JobId;

INSERT INTO HangFire.JobParameter (JobId, Name, Value)
SELECT j.Id, p.Name, SUBSTRING(p.Value, 2, LEN(p.Value) - 2)
FROM @job AS j CROSS JOIN OPENJSON(@P4) WITH (Name nvarchar(40) '$.n', Value nvarchar(max) '$.v' AS JSON) AS p;

INSERT INTO HangFire.JobQueue (JobId, Queue)
SELECT j.Id, @P3
FROM @job AS j
ORDER BY j.Id;

IF EXISTS (SELECT 1 FROM Jobs.ServerHandler AS h INNER JOIN Jobs.ServerQueue AS q ON q.ServerId = h.ServerId
           WHERE h.Handler = @P5 AND q.Queue = @P3)
    SET @expected = 1;

SELECT j.Id AS JobId, @expected AS Expected FROM @job AS j ORDER BY j.Id;
