-- Gives how many there were.
-- @P1 user id, @P2 a session that goes on.
SET NOCOUNT ON;
DELETE FROM Accounts.Session WHERE UserId = @P1 AND Id <> @P2;

SELECT @@ROWCOUNT AS Ended;
