-- Whether the store exists, then a page of one category, with all that it contains, then where the log of changes stood.
-- @P1 store, @P2 after this product, @P3 rows, @P4 category.
SELECT COUNT(*) AS Stores
FROM Commerce.Store AS s
WHERE s.Id = @P1;

SELECT TOP (@P3) d.ProductId, d.Summary
FROM Commerce.PublishedCategory AS c
INNER JOIN Commerce.PublishedProduct AS d ON d.StoreId = c.StoreId AND d.ProductId = c.ProductId
WHERE c.StoreId = @P1 AND c.CategoryKey = @P4 AND c.ProductId > @P2
ORDER BY c.ProductId;

SELECT h.LogId, h.Head, h.Mark
FROM Platform.FeedHead AS h
WHERE h.Id = 1;
