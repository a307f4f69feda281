-- Deletes notifications that did not change for a while, up to 1,000. PrunedTo first: feeds are locked before their rows
-- everywhere.
-- @P1 seconds that they are kept
-- -> PrunedRows
DECLARE @old TABLE (
    UserId nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Number bigint NOT NULL,
    PRIMARY KEY (UserId, Number)
);
DECLARE @rows bigint;
INSERT INTO @old (UserId, Number)
SELECT TOP (1000) n.UserId, n.Number
FROM Platform.PushNotification AS n
WHERE n.ChangedAt < DATEADD(second, -@P1, SYSUTCDATETIME())
ORDER BY n.ChangedAt;
UPDATE f SET f.PrunedTo = x.Number
FROM Platform.UserFeed AS f
INNER JOIN (SELECT o.UserId, MAX(o.Number) AS Number FROM @old AS o GROUP BY o.UserId) AS x ON x.UserId = f.UserId
WHERE f.PrunedTo < x.Number;
DELETE n
FROM Platform.PushNotification AS n
INNER JOIN @old AS o ON o.UserId = n.UserId AND o.Number = n.Number;
SET @rows = @@ROWCOUNT;
SELECT @rows AS PrunedRows;
