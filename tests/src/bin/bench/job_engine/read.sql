-- The reference reads a job before it changes its state.
-- @P1 job
SELECT j.InvocationData, j.Arguments, j.StateName, j.CreatedAt FROM HangFire.Job AS j WHERE j.Id = @P1;
