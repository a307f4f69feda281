-- @P1 key id, @P2 permissions as a JSON array of texts.
DELETE FROM Accounts.ApiKeyPermission WHERE ApiKeyId = @P1;

INSERT INTO Accounts.ApiKeyPermission (ApiKeyId, Permission)
SELECT @P1, x.value
FROM OPENJSON(@P2) AS x;
