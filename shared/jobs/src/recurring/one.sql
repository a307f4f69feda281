-- One recurring job.
-- @P1 id   @P2 key of its hash
SELECT s.Score FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Value = @P1;

SELECT h.Field, h.Value FROM HangFire.Hash AS h WHERE h.[Key] = @P2;
