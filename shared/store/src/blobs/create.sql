-- @P1 name, @P2 content type.
INSERT INTO Platform.Blob (Name, ContentType)
OUTPUT inserted.Id
VALUES (@P1, @P2);
