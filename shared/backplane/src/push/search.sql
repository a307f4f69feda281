-- A page of a user's notifications by the time they were raised first, and how many there are.
-- @P1 user, @P2 1: only unread ones, @P3 from (inclusive), @P4 to (exclusive), @P5 JSON array of ids, empty: all,
-- @P6 rows to skip, @P7 most rows, @P8 1: oldest first
DECLARE @ids TABLE (Id uniqueidentifier NOT NULL PRIMARY KEY);
INSERT INTO @ids (Id) SELECT CAST(x.value AS uniqueidentifier) FROM OPENJSON(@P5) AS x;
SELECT COUNT(*) AS TotalCount
FROM Platform.PushNotification AS n
WHERE n.UserId = @P1 AND (@P2 = 0 OR n.IsNew = 1) AND n.CreatedAt >= @P3 AND n.CreatedAt < @P4
    AND (@P5 = N'[]' OR EXISTS (SELECT 1 FROM @ids AS i WHERE i.Id = n.Id));
SELECT n.Id, n.Number, n.NotifyType, n.ServerId, n.Creator, n.Title, n.Description, n.Content, n.RepeatCount, n.IsNew,
    n.CreatedAt
FROM Platform.PushNotification AS n
WHERE n.UserId = @P1 AND (@P2 = 0 OR n.IsNew = 1) AND n.CreatedAt >= @P3 AND n.CreatedAt < @P4
    AND (@P5 = N'[]' OR EXISTS (SELECT 1 FROM @ids AS i WHERE i.Id = n.Id))
ORDER BY CASE WHEN @P8 = 1 THEN n.CreatedAt END, CASE WHEN @P8 = 1 THEN n.Number END, n.CreatedAt DESC, n.Number DESC
OFFSET @P6 ROWS FETCH NEXT @P7 ROWS ONLY;
SELECT COUNT(*) AS NewCount FROM Platform.PushNotification AS n WHERE n.UserId = @P1 AND n.IsNew = 1;
