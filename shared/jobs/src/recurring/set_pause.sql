-- Pauses or resumes one recurring job under its lock.
-- @P1 id   @P2 key of its hash   @P3 score   @P4 next run, unix ms, empty = none   @P5 paused since, unix ms, empty = not
SET NOCOUNT ON;
SET XACT_ABORT ON;

DELETE h FROM HangFire.Hash AS h
WHERE h.[Key] = @P2 AND h.Field IN (N'NextExecution', N'PausedAt', N'Error', N'RetryAttempt');

INSERT INTO HangFire.Hash ([Key], Field, Value) VALUES (@P2, N'NextExecution', @P4);
IF @P5 <> N''
    INSERT INTO HangFire.Hash ([Key], Field, Value) VALUES (@P2, N'PausedAt', @P5);

UPDATE s SET s.Score = @P3 FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Value = @P1;
IF @@ROWCOUNT = 0
    INSERT INTO HangFire.[Set] ([Key], Score, Value) VALUES (N'recurring-jobs', @P3, @P1);
