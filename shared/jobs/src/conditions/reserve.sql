-- Locks a unique key until the caller's transaction ends, and tells which job has it.
-- @P1 key
-- -> JobId, or no row: nobody has it
SET NOCOUNT ON;
SET XACT_ABORT ON;

UPDATE u SET u.JobId = u.JobId FROM Jobs.UniqueKey AS u WHERE u.[Key] = @P1;
IF @@ROWCOUNT = 0
    INSERT INTO Jobs.UniqueKey ([Key], JobId, Scope)
    SELECT @P1, 0, N''
    WHERE NOT EXISTS (SELECT 1 FROM Jobs.UniqueKey AS u WITH (UPDLOCK, HOLDLOCK) WHERE u.[Key] = @P1);

SELECT u.JobId
FROM Jobs.UniqueKey AS u LEFT JOIN HangFire.Job AS j ON j.Id = u.JobId
WHERE u.[Key] = @P1 AND (
    u.Until > SYSUTCDATETIME()
    OR (u.Scope IN (N'started', N'ended') AND j.StateName IN (N'Enqueued', N'Scheduled', N'Awaiting'))
    OR (u.Scope = N'ended' AND j.StateName = N'Processing'));
