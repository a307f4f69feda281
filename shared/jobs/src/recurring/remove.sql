-- Removes one recurring job under its lock.
-- @P1 id   @P2 key of its hash
SET NOCOUNT ON;
SET XACT_ABORT ON;

DELETE h FROM HangFire.Hash AS h WHERE h.[Key] = @P2;
DELETE s FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Value = @P1;
