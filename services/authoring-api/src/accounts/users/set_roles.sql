-- @P1 user id, @P2 role ids as a JSON array of numbers.
DELETE FROM Accounts.UserRole WHERE UserId = @P1;

INSERT INTO Accounts.UserRole (UserId, RoleId)
SELECT @P1, CAST(x.value AS bigint)
FROM OPENJSON(@P2) AS x;
