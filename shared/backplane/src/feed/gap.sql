-- The row that was applied last, which proves a common past, and a page of what follows it.
SELECT TOP (2001) c.Seq, c.Tag, c.Mark
FROM Platform.ChangeFeed AS c
WHERE c.Seq >= @P1
ORDER BY c.Seq;
