-- Marks one notification as read, under a number that the transaction has taken.
-- @P1 user, @P2 id, @P3 number
-- -> Found, 1 if the user has it
UPDATE n SET n.IsNew = 0, n.Number = @P3, n.ChangedAt = SYSUTCDATETIME()
FROM Platform.PushNotification AS n
WHERE n.UserId = @P1 AND n.Id = @P2 AND n.IsNew = 1;
SELECT COUNT(*) AS Found FROM Platform.PushNotification AS n WHERE n.UserId = @P1 AND n.Id = @P2;
