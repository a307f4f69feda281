-- @P1 store, @P2 product.
SELECT d.ProductId, d.Version, d.Document
FROM Commerce.PublishedProduct AS d
WHERE d.StoreId = @P1 AND d.ProductId = @P2;
