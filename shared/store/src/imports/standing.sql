-- How far an import is, for whoever is told of it, inside the transaction that moved it.
-- @P1 import
SELECT i.StoreId, i.FileName, i.State, i.JobId, i.RowsRead, i.RowsRefused, i.ProductsCreated, i.ProductsUpdated,
    i.ProductsUnchanged, i.ProductsRefused, i.CheckpointByte, i.Error, i.FinishedAt, b.Length
FROM Commerce.Import AS i
INNER JOIN Platform.Blob AS b ON b.Id = i.BlobId
WHERE i.Id = @P1;
