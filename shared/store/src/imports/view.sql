-- The import, then a page of its refusals. @P1 import, @P2 after this number, @P3 refusals.
SELECT i.StoreId, i.FileName, i.State, i.JobId, i.RowsRead, i.RowsRefused, i.ProductsCreated, i.ProductsUpdated,
    i.ProductsUnchanged, i.ProductsRefused, i.Refusals, i.Error, i.Version, i.CreatedAt, i.StartedAt, i.FinishedAt
FROM Commerce.Import AS i
WHERE i.Id = @P1;

SELECT TOP (@P3) r.Number, r.RowNumber, r.Detail
FROM Commerce.ImportRefusal AS r
WHERE r.ImportId = @P1 AND r.Number > @P2
ORDER BY r.Number;
