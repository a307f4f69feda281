-- @P1 user id, @P2 a session that goes on.
DELETE FROM Accounts.Session WHERE UserId = @P1 AND Id <> @P2;
