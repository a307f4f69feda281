-- End of the batch that continue.sql begins.
-- -> JobId, Expected (none: there is no such parent); then the queues that received jobs
SELECT j.Id AS JobId, @expected AS Expected FROM @job AS j;

SELECT DISTINCT c.Queue FROM @child AS c INNER JOIN @turned AS t ON t.JobId = c.JobId WHERE c.Target = N'Enqueued';
