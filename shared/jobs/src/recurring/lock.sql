-- The lock of whoever schedules recurring jobs, .NET's servers included, until the caller's transaction ends.
-- -> Locked: below 0 = somebody else has it
SET NOCOUNT ON;
DECLARE @lock int = 0;
EXEC @lock = sp_getapplock @Resource = N'HangFire:recurring-jobs:lock', @LockMode = N'Exclusive',
    @LockOwner = N'Transaction', @LockTimeout = 0;
SELECT @lock AS Locked;
