-- Writes one recurring job under its lock. What runs leave in the hash (LastExecution, LastJobId) and a pause stay.
-- @P1 id   @P2 key of its hash   @P3 score   @P4 queue   @P5 cron   @P6 time zone   @P7 job   @P8 created, unix ms
-- @P9 next run, unix ms, empty = none   @P10 misfire mode   @P11 jitter in s, empty = none
SET NOCOUNT ON;
SET XACT_ABORT ON;

DELETE h FROM HangFire.Hash AS h
WHERE h.[Key] = @P2 AND h.Field IN (N'Queue', N'Cron', N'TimeZoneId', N'Job', N'CreatedAt', N'NextExecution', N'Misfire',
    N'V', N'Jitter', N'Error', N'RetryAttempt');

INSERT INTO HangFire.Hash ([Key], Field, Value) VALUES
    (@P2, N'Queue', @P4), (@P2, N'Cron', @P5), (@P2, N'TimeZoneId', @P6), (@P2, N'Job', @P7), (@P2, N'CreatedAt', @P8),
    (@P2, N'NextExecution', @P9), (@P2, N'Misfire', @P10), (@P2, N'V', N'2');
IF @P11 <> N''
    INSERT INTO HangFire.Hash ([Key], Field, Value) VALUES (@P2, N'Jitter', @P11);

UPDATE s SET s.Score = @P3 FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Value = @P1;
IF @@ROWCOUNT = 0
    INSERT INTO HangFire.[Set] ([Key], Score, Value) VALUES (N'recurring-jobs', @P3, @P1);
