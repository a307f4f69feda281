-- The reference's acknowledgement.
-- @P1 queue row
DELETE q FROM HangFire.JobQueue AS q WHERE q.Queue = N'default' AND q.Id = @P1;
