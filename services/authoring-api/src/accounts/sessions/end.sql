-- @P1 user id, @P2 session id.
DELETE FROM Accounts.Session WHERE UserId = @P1 AND Id = @P2;
