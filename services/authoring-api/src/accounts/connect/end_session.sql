-- @P1 session id.
DELETE FROM Accounts.Session WHERE Id = @P1;
