-- Which of the running jobs are still ours? Reads only: between renewals this notices a job that was deleted or
-- requeued from a dashboard.
-- @P1 [{"j": job, "f": fence}]
SELECT j.Id AS JobId, j.StateId
FROM HangFire.Job AS j
    INNER JOIN OPENJSON(@P1) WITH (JobId bigint '$.j', StateId bigint '$.f') AS x ON x.JobId = j.Id AND x.StateId = j.StateId
WHERE j.StateName = N'Processing';
