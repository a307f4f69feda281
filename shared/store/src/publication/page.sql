-- Whether the store exists, then a page of all its products, then where the log of changes stood. @P1 store, @P2 after this product, @P3 rows.
SELECT COUNT(*) AS Stores
FROM Commerce.Store AS s
WHERE s.Id = @P1;

SELECT TOP (@P3) d.ProductId, d.Summary
FROM Commerce.PublishedProduct AS d
WHERE d.StoreId = @P1 AND d.ProductId > @P2
ORDER BY d.ProductId;

SELECT h.LogId, h.Head, h.Mark
FROM Platform.FeedHead AS h
WHERE h.Id = 1;
