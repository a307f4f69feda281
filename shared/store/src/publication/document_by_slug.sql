-- @P1 store, @P2 slug. Last of all, where the log of changes stood: not before the data was read.
SELECT d.ProductId, d.Version, d.Document
FROM Commerce.PublishedProduct AS d
WHERE d.StoreId = @P1 AND d.Slug = @P2;

SELECT h.LogId, h.Head, h.Mark
FROM Platform.FeedHead AS h
WHERE h.Id = 1;
