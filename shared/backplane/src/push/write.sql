-- One notification under a number that the transaction has taken: the row of its collapse key again, or the user's
-- newest one repeated if nothing of it differs, or a new row.
-- @P1 user, @P2 number, @P3 id of a new row, @P4 collapse key or empty, @P5 type, @P6 server, @P7 creator, @P8 title,
-- @P9 description, @P10 content
DECLARE @rows int = 0, @newest bigint;
IF @P4 <> N''
BEGIN
    UPDATE n
    SET n.Number = @P2, n.NotifyType = @P5, n.ServerId = @P6, n.Title = @P8, n.Description = @P9, n.Content = @P10,
        n.IsNew = 1, n.ChangedAt = SYSUTCDATETIME()
    FROM Platform.PushNotification AS n
    WHERE n.UserId = @P1 AND n.CollapseKey = @P4;
    SET @rows = @@ROWCOUNT;
END
ELSE
BEGIN
    SELECT @newest = MAX(n.Number) FROM Platform.PushNotification AS n WHERE n.UserId = @P1;
    UPDATE n
    SET n.Number = @P2, n.ServerId = @P6, n.RepeatCount = n.RepeatCount + 1, n.IsNew = 1,
        n.ChangedAt = SYSUTCDATETIME()
    FROM Platform.PushNotification AS n
    WHERE n.UserId = @P1 AND n.Number = @newest AND n.CollapseKey = N'' AND n.NotifyType = @P5 AND n.Creator = @P7
        AND n.Title = @P8 AND n.Description = @P9 AND n.Content = @P10;
    SET @rows = @@ROWCOUNT;
END;
IF @rows = 0
    INSERT INTO Platform.PushNotification (UserId, Id, Number, CollapseKey, NotifyType, ServerId, Creator, Title,
        Description, Content, RepeatCount, IsNew, CreatedAt, ChangedAt)
    VALUES (@P1, @P3, @P2, @P4, @P5, @P6, @P7, @P8, @P9, @P10, 0, 1, SYSUTCDATETIME(), SYSUTCDATETIME());
