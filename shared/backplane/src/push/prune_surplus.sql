-- Deletes the oldest notifications of users who have too many, up to 1,000 rows.
-- @P1 notifications that a user may have
-- -> PrunedRows
DECLARE @old TABLE (
    UserId nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Number bigint NOT NULL,
    PRIMARY KEY (UserId, Number)
);
DECLARE @rows bigint;
INSERT INTO @old (UserId, Number)
SELECT TOP (1000) x.UserId, x.Number
FROM (
    SELECT n.UserId, n.Number, ROW_NUMBER() OVER (PARTITION BY n.UserId ORDER BY n.Number DESC) AS Ordinal
    FROM Platform.PushNotification AS n
) AS x
WHERE x.Ordinal > @P1
ORDER BY x.UserId, x.Number;
UPDATE f SET f.PrunedTo = x.Number
FROM Platform.UserFeed AS f
INNER JOIN (SELECT o.UserId, MAX(o.Number) AS Number FROM @old AS o GROUP BY o.UserId) AS x ON x.UserId = f.UserId
WHERE f.PrunedTo < x.Number;
DELETE n
FROM Platform.PushNotification AS n
INNER JOIN @old AS o ON o.UserId = n.UserId AND o.Number = n.Number;
SET @rows = @@ROWCOUNT;
SELECT @rows AS PrunedRows;
