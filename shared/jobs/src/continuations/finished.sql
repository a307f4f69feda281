-- Part of the exchange batch, behind complete.sql: the jobs that ended, for children.sql.
DECLARE @keepSecs int = @P9;
DECLARE @finished TABLE (JobId bigint NOT NULL PRIMARY KEY, Name nvarchar(20) NOT NULL, Round int NOT NULL);

INSERT INTO @finished (JobId, Name, Round)
SELECT d.JobId, a.Name, 0
FROM @done AS d INNER JOIN @ack AS a ON a.JobId = d.JobId AND a.StateId = d.StateId
WHERE a.Name IN (N'Succeeded', N'Failed');

