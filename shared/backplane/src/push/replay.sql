-- What of a user's feed stands above a number, oldest first.
-- @P1 user, @P2 the number, @P3 most rows
SELECT f.Head, f.PrunedTo FROM Platform.UserFeed AS f WHERE f.UserId = @P1;
SELECT TOP (@P3) n.Id, n.Number, n.NotifyType, n.ServerId, n.Creator, n.Title, n.Description, n.Content, n.RepeatCount,
    n.IsNew, n.CreatedAt
FROM Platform.PushNotification AS n
WHERE n.UserId = @P1 AND n.Number > @P2
ORDER BY n.Number;
SELECT COUNT(*) AS NewCount FROM Platform.PushNotification AS n WHERE n.UserId = @P1 AND n.IsNew = 1;
