-- @P1 blob, @P2 length.
UPDATE b
SET b.Length = @P2
FROM Platform.Blob AS b
WHERE b.Id = @P1 AND b.Length IS NULL;
