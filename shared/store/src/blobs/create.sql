-- @P1 name, @P2 content type.
SET NOCOUNT ON;

INSERT INTO Platform.Blob (Name, ContentType)
VALUES (@P1, @P2);

SELECT CAST(SCOPE_IDENTITY() AS bigint) AS BlobId;
