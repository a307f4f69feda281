-- @P1 store, @P2 slug.
SELECT d.ProductId, d.Version, d.Document
FROM Commerce.PublishedProduct AS d
WHERE d.StoreId = @P1 AND d.Slug = @P2;
