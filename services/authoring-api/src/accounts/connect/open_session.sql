-- A new session; some of those that have ended go, and the user's that were not used for longest. Gives its id.
-- @P1 user id, @P2 handle, @P3 hash of its refresh token, @P4 lifetime in seconds, @P5 client address, @P6 user agent,
-- @P7 sessions that the user may have besides.
DELETE TOP (100) FROM Accounts.Session WHERE ExpiresAt < SYSUTCDATETIME();

DELETE FROM Accounts.Session
WHERE UserId = @P1
    AND Id NOT IN (SELECT TOP (@P7) s.Id FROM Accounts.Session AS s WHERE s.UserId = @P1 ORDER BY s.RotatedAt DESC, s.Id DESC);

INSERT INTO Accounts.Session (UserId, Handle, CurrentHash, RotatedAt, ExpiresAt, ClientAddress, UserAgent)
OUTPUT inserted.Id AS [Id]
VALUES (@P1, @P2, @P3, SYSUTCDATETIME(), DATEADD(second, @P4, SYSUTCDATETIME()), @P5, @P6);
