-- @P1 store, @P2 blob, @P3 file name.
INSERT INTO Commerce.Import (StoreId, BlobId, FileName, State, RowsRead, RowsRefused, ProductsCreated,
    ProductsUpdated, ProductsUnchanged, ProductsRefused, Refusals, CheckpointRow, CheckpointByte, ListingPending,
    Version)
OUTPUT inserted.Id
VALUES (@P1, @P2, @P3, N'Queued', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
