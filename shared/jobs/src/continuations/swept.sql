-- End of the batch that sweep.sql begins.
-- -> NextAfter: where the next window begins, 0 = this was the last; then the queues that received jobs
COMMIT TRANSACTION;

SELECT @next AS NextAfter;

SELECT DISTINCT c.Queue FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId WHERE c.Target = N'Enqueued';
