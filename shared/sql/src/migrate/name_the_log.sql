INSERT INTO Platform.FeedHead (Id, LogId, Head, Mark, PrunedTo) SELECT 1, @P1, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM Platform.FeedHead AS h WITH (UPDLOCK, HOLDLOCK) WHERE h.Id = 1);
