IF @@TRANCOUNT <> 1 THROW 50001, N'the transaction is not open any more', 1;
DECLARE @LogId bigint, @Head bigint, @PreviousMark bigint;
UPDATE Platform.FeedHead SET Head = Head + @Count WHERE Id = 1;
SELECT @LogId = h.LogId, @Head = h.Head, @PreviousMark = h.Mark FROM Platform.FeedHead AS h WHERE h.Id = 1;
UPDATE Platform.FeedHead SET Mark = @Mark WHERE Id = 1;
INSERT INTO Platform.ChangeFeed (Seq, Tag, Mark)
SELECT @Head - @Count + x.[key] + 1, CAST(x.value AS bigint), @Mark FROM OPENJSON(@Tags) AS x;
INSERT INTO Platform.[Commit] (TxId, Fenced, LogId, LastSeq) VALUES (@TxId, 0, @LogId, @Head);
COMMIT TRANSACTION;
SELECT @LogId AS LogId, @Head AS Head, @PreviousMark AS PreviousMark;
