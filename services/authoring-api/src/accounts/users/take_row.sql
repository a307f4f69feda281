-- The row of a user, locked until the transaction ends.
-- @P1 user id.
UPDATE u SET u.Version = u.Version FROM Accounts.[User] AS u WHERE u.Id = @P1;
