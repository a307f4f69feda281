-- Finished blobs only. @P1 blob.
SELECT b.Name, b.ContentType, b.Length
FROM Platform.Blob AS b
WHERE b.Id = @P1 AND b.Length IS NOT NULL;
