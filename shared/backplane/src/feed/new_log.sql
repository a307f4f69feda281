-- After a restore: numbers may be used again, so the log gets another identity. What it had is read before, because
-- Babelfish finds no `deleted` outside of dbo; a second command in between would only be told of too early.
DECLARE @old bigint;
SELECT @old = h.LogId FROM Platform.FeedHead AS h WHERE h.Id = 1;
UPDATE h SET h.LogId = @P1, h.Mark = @P2 FROM Platform.FeedHead AS h WHERE h.Id = 1;
-- The row of the last commit tells the same, or whoever follows the new log from here would find another past there.
UPDATE c SET c.Mark = @P2
FROM Platform.ChangeFeed AS c
INNER JOIN Platform.FeedHead AS h ON h.Head = c.Seq;
SELECT @old AS LogId WHERE @old IS NOT NULL;
