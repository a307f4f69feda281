-- The reference's lock of one job, and its release.
-- @P1 job
DECLARE @resource nvarchar(100) = N'HangFire:job:' + CAST(@P1 AS nvarchar(20)) + N':state-lock';
DECLARE @lock int;
BEGIN TRANSACTION;
EXEC @lock = sp_getapplock @Resource = @resource, @LockMode = N'Exclusive', @LockOwner = N'Transaction',
    @LockTimeout = 15000;
COMMIT TRANSACTION;
SELECT @lock AS Locked;
