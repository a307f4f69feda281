-- Many documents with one question: @P1 products by id, @P2 by slug, both as JSON arrays of what is asked and its place.
-- Last of all, where the log of changes stood.
SELECT x.Place, d.ProductId, d.Version, d.Document
FROM OPENJSON(@P1) WITH (Place int '$.place', StoreId nvarchar(50) '$.store', ProductId bigint '$.id') AS x
INNER JOIN Commerce.PublishedProduct AS d
    ON d.StoreId = x.StoreId COLLATE Latin1_General_100_BIN2 AND d.ProductId = x.ProductId;

SELECT x.Place, d.ProductId, d.Version, d.Document
FROM OPENJSON(@P2) WITH (Place int '$.place', StoreId nvarchar(50) '$.store', Slug nvarchar(255) '$.slug') AS x
INNER JOIN Commerce.PublishedProduct AS d
    ON d.StoreId = x.StoreId COLLATE Latin1_General_100_BIN2 AND d.Slug = x.Slug COLLATE Latin1_General_100_BIN2;

SELECT h.LogId, h.Head, h.Mark
FROM Platform.FeedHead AS h
WHERE h.Id = 1;
