SET NOCOUNT ON;
IF @@TRANCOUNT <> 1 THROW 50001, N'the transaction is not open any more', 1;
DECLARE @head TABLE (LogId bigint NOT NULL, Head bigint NOT NULL);
UPDATE h
SET h.Head = h.Head + @Count, h.Mark = @Mark
OUTPUT inserted.LogId, inserted.Head INTO @head (LogId, Head)
FROM Platform.FeedHead AS h
WHERE h.Id = 1;
INSERT INTO Platform.ChangeFeed (Seq, Tag, Mark)
SELECT (SELECT n.Head FROM @head AS n) - @Count + x.[key] + 1, CAST(x.value AS bigint), @Mark
FROM OPENJSON(@Tags) AS x;
INSERT INTO Platform.[Commit] (TxId, Fenced, LogId, LastSeq)
SELECT @TxId, 0, n.LogId, n.Head FROM @head AS n;
COMMIT TRANSACTION;
SELECT n.LogId, n.Head FROM @head AS n;
