-- @P1 blob, @P2 ordinal.
SELECT p.Data
FROM Platform.BlobPart AS p
WHERE p.BlobId = @P1 AND p.Ordinal = @P2;
