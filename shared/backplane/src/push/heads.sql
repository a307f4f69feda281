-- Where the feeds of some users stand; none for a user who never had a notification.
-- @P1 JSON array of users
DECLARE @users TABLE (UserId nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL PRIMARY KEY);
INSERT INTO @users (UserId) SELECT CAST(x.value AS nvarchar(100)) FROM OPENJSON(@P1) AS x;
SELECT f.UserId, f.Head
FROM Platform.UserFeed AS f
INNER JOIN @users AS u ON u.UserId = f.UserId;
