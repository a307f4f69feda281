-- Announces a server, what it reads and what it runs; releases jobs that were held for want of one of its handlers.
-- @P1 server   @P2 heartbeat interval in ms   @P3 worker count   @P4 ["queue", …]   @P5 ["handler", …]
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @data nvarchar(max) = N'{"WorkerCount":' + CAST(@P3 AS nvarchar(10)) + N',"Queues":' + @P4
    + N',"StartedAt":"' + CONVERT(nvarchar(30), @now, 126) + N'Z"}';

BEGIN TRANSACTION;

UPDATE s SET s.Data = @data, s.LastHeartbeat = @now FROM HangFire.Server AS s WHERE s.Id = @P1;
IF @@ROWCOUNT = 0
    INSERT INTO HangFire.Server (Id, Data, LastHeartbeat) VALUES (@P1, @data, @now);

UPDATE s SET s.Beat = s.Beat + 1, s.BeatMs = @P2 FROM Jobs.Server AS s WHERE s.Id = @P1;
IF @@ROWCOUNT = 0
    INSERT INTO Jobs.Server (Id, Beat, BeatMs) VALUES (@P1, 1, @P2);

DELETE q FROM Jobs.ServerQueue AS q WHERE q.ServerId = @P1;
INSERT INTO Jobs.ServerQueue (ServerId, Queue) SELECT @P1, x.Name FROM OPENJSON(@P4) WITH (Name nvarchar(50) '$') AS x;

DELETE h FROM Jobs.ServerHandler AS h WHERE h.ServerId = @P1;
INSERT INTO Jobs.ServerHandler (ServerId, Handler)
SELECT @P1, x.Name FROM OPENJSON(@P5) WITH (Name nvarchar(250) '$') AS x;

DELETE h FROM Jobs.Hold AS h INNER JOIN OPENJSON(@P5) WITH (Name nvarchar(250) '$') AS x ON x.Name = h.[Key]
WHERE h.Reason = N'handler';

COMMIT TRANSACTION;
