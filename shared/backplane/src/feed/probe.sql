-- Where the log stands, and whether its past is the one that was applied: one statement, so one snapshot.
SELECT h.LogId, h.Head, h.Mark, h.PrunedTo, c.Mark AS MarkAtAsked
FROM Platform.FeedHead AS h
LEFT JOIN Platform.ChangeFeed AS c ON c.Seq = @P1
WHERE h.Id = 1;
