-- @P1 user id.
DELETE FROM Accounts.Session WHERE UserId = @P1;
DELETE FROM Accounts.UserRole WHERE UserId = @P1;
DELETE FROM Accounts.[User] WHERE Id = @P1;
