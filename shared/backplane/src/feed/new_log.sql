-- After a restore: numbers may be used again, so the log gets another identity.
UPDATE h SET h.LogId = @P1, h.Mark = @P2
OUTPUT deleted.LogId AS LogId
FROM Platform.FeedHead AS h
WHERE h.Id = 1;
