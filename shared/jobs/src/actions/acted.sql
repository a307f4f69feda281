-- End of the batch that act.sql begins.
-- -> JobId of those it was done with; then the queues that received jobs
SELECT t.JobId FROM @target AS t ORDER BY t.JobId;

SELECT DISTINCT q.Queue
FROM (
    SELECT c.Queue FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId WHERE c.Target = N'Enqueued'
    UNION
    SELECT t.Queue FROM @target AS t WHERE @P2 <> N'delete'
) AS q;
