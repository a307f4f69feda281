-- Is the job still ours? The update changes nothing: it locks the job's row until the caller's transaction ends, on every
-- engine (hints do not), so that nobody can take the job between this answer and the commit.
-- @P1 job   @P2 fence
-- -> Owned: 1 or 0
SET NOCOUNT ON;
UPDATE j SET j.ExpireAt = NULL
FROM HangFire.Job AS j
WHERE j.Id = @P1 AND j.StateId = @P2 AND j.StateName = N'Processing';

SELECT @@ROWCOUNT AS Owned;
