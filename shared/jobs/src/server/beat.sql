-- One heartbeat: raise ours, read the others', and find leases whose server is gone.
-- @P1 server   @P2 most leases to answer
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @registered int = 0;

BEGIN TRANSACTION;

UPDATE s SET s.LastHeartbeat = GETUTCDATE() FROM HangFire.Server AS s WHERE s.Id = @P1;
SET @registered = @@ROWCOUNT;
UPDATE s SET s.Beat = s.Beat + 1 FROM Jobs.Server AS s WHERE s.Id = @P1;
SET @registered = @registered + @@ROWCOUNT;

COMMIT TRANSACTION;

-- 2 = both rows were there. Anything less: somebody buried us, register again.
SELECT @registered AS Registered;

SELECT s.Id, s.Beat, s.BeatMs FROM Jobs.Server AS s WHERE s.Id <> @P1;

SELECT TOP (@P2) l.JobId, l.StateId, l.Queue, l.QueueId, l.ServerId
FROM Jobs.Lease AS l
WHERE l.ServerId <> @P1 AND NOT EXISTS (SELECT 1 FROM Jobs.Server AS s WHERE s.Id = l.ServerId)
ORDER BY l.JobId;
