-- At most 1000 rows a transaction, oldest first, never the last one. The rows go first and PrunedTo after:
-- writers wait for the head only while this transaction commits.
SET NOCOUNT ON;
DECLARE @upto bigint;
SELECT @upto = MAX(x.Seq)
FROM (
    SELECT TOP (1000) c.Seq
    FROM Platform.ChangeFeed AS c
    WHERE c.At < DATEADD(second, -@P1, SYSUTCDATETIME())
      AND c.Seq < (SELECT h.Head FROM Platform.FeedHead AS h WHERE h.Id = 1)
    ORDER BY c.Seq
) AS x;
DELETE c FROM Platform.ChangeFeed AS c WHERE c.Seq <= @upto;
DECLARE @rows bigint = @@ROWCOUNT;
UPDATE h SET h.PrunedTo = @upto FROM Platform.FeedHead AS h WHERE h.Id = 1 AND h.PrunedTo < @upto;
SELECT @rows AS PrunedRows;
