-- @P1 store, @P2 blob, @P3 file name.
SET NOCOUNT ON;

INSERT INTO Commerce.Import (StoreId, BlobId, FileName, State, RowsRead, RowsRefused, ProductsCreated,
    ProductsUpdated, ProductsUnchanged, ProductsRefused, Refusals, CheckpointRow, CheckpointByte, ListingPending,
    Version)
VALUES (@P1, @P2, @P3, N'Queued', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

SELECT CAST(SCOPE_IDENTITY() AS bigint) AS ImportId;
