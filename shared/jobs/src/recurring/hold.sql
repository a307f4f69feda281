-- Takes the lock of one recurring job until the caller's transaction ends (.NET takes the same), and reads what is there.
-- @P1 id   @P2 key of its hash
-- -> Locked (below 0: somebody else has it), NowMs, Score; then the hash
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @resource nvarchar(255) = N'HangFire:lock:recurring-job:' + @P1;
DECLARE @lock int = 0;
EXEC @lock = sp_getapplock @Resource = @resource, @LockMode = N'Exclusive', @LockOwner = N'Transaction',
    @LockTimeout = 15000;

SELECT @lock AS Locked, DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME()) AS NowMs,
    COALESCE((SELECT s.Score FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Value = @P1), -1.0E0) AS Score;

SELECT h.Field, h.Value FROM HangFire.Hash AS h WHERE h.[Key] = @P2;
