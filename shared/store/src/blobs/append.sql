-- @P1 blob, @P2 ordinal, @P3 data.
INSERT INTO Platform.BlobPart (BlobId, Ordinal, Data)
VALUES (@P1, @P2, @P3);
