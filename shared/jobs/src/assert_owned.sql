-- Is the job still ours? Locks the job's row until the caller's transaction ends, so that nobody can take the job
-- between this answer and the commit.
-- @P1 job   @P2 fence
SELECT j.Id AS JobId
FROM HangFire.Job AS j WITH (UPDLOCK, ROWLOCK)
WHERE j.Id = @P1 AND j.StateId = @P2 AND j.StateName = N'Processing';
