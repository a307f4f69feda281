-- Takes the next numbers of a user's feed and holds its row until the transaction ends. The head is read after the
-- UPDATE, not by OUTPUT: under contention Babelfish fills that from the row as it was before the wait.
-- @P1 user, @P2 how many; 0 only holds the row.
-- -> Head, the last number taken
DECLARE @rows int, @lock int, @resource nvarchar(255) = CONCAT(N'Platform.UserFeed:', @P1);
UPDATE f SET f.Head = f.Head + @P2 FROM Platform.UserFeed AS f WHERE f.UserId = @P1;
SET @rows = @@ROWCOUNT;
IF @rows = 0
BEGIN
    -- The first of this user: two that begin at once must not both insert.
    EXEC @lock = sp_getapplock @Resource = @resource, @LockMode = N'Exclusive', @LockOwner = N'Transaction',
        @LockTimeout = 15000;
    IF @lock < 0 THROW 50002, N'the feed of the user is being made by a transaction that does not end', 1;
    UPDATE f SET f.Head = f.Head + @P2 FROM Platform.UserFeed AS f WHERE f.UserId = @P1;
    SET @rows = @@ROWCOUNT;
    IF @rows = 0
        INSERT INTO Platform.UserFeed (UserId, Head, PrunedTo) VALUES (@P1, @P2, 0);
END;
SELECT f.Head AS Head FROM Platform.UserFeed AS f WHERE f.UserId = @P1;
