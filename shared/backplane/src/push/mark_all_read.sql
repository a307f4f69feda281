-- Marks every notification of a user as read; they keep their order under new numbers. The transaction holds the feed's
-- row already, so nobody else takes the same.
-- @P1 user, @P2 the head of the feed
-- -> Head
DECLARE @rows int;
UPDATE n SET n.IsNew = 0, n.Number = @P2 + x.Ordinal, n.ChangedAt = SYSUTCDATETIME()
FROM Platform.PushNotification AS n
INNER JOIN (
    SELECT m.Id, ROW_NUMBER() OVER (ORDER BY m.Number) AS Ordinal
    FROM Platform.PushNotification AS m
    WHERE m.UserId = @P1 AND m.IsNew = 1
) AS x ON x.Id = n.Id
WHERE n.UserId = @P1 AND n.IsNew = 1;
SET @rows = @@ROWCOUNT;
UPDATE f SET f.Head = f.Head + @rows FROM Platform.UserFeed AS f WHERE f.UserId = @P1 AND @rows > 0;
SELECT f.Head AS Head FROM Platform.UserFeed AS f WHERE f.UserId = @P1;
