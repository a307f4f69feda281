-- With its permissions.
-- @P1 key id.
DELETE FROM Accounts.ApiKey WHERE Id = @P1;
