-- Gives whether there was such a session. By a column: Babelfish keeps NOCOUNT for whoever gets the connection next.
-- @P1 user id, @P2 session id.
SET NOCOUNT ON;
DELETE FROM Accounts.Session WHERE UserId = @P1 AND Id = @P2;

SELECT @@ROWCOUNT AS Ended;
