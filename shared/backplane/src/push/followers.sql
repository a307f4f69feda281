-- Who has a notification under a collapse key, in the order in which their feeds are to be locked.
-- @P1 collapse key, @P2 most users
SELECT TOP (@P2) n.UserId, n.Creator
FROM Platform.PushNotification AS n
WHERE n.CollapseKey = @P1 AND n.CollapseKey <> N''
ORDER BY n.UserId;
