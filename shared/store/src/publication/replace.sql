-- Replaces what is published of these products. One without a document is no longer published.
-- @P1 store, @P2 documents, @P3 the categories that contain them, both as JSON arrays sorted by product.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @product TABLE (
    ProductId bigint NOT NULL PRIMARY KEY,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Version bigint NOT NULL,
    Document nvarchar(max) NULL,
    Summary nvarchar(max) NULL
);

INSERT INTO @product (ProductId, Slug, Version, Document, Summary)
SELECT x.ProductId, x.Slug, x.Version, x.Document, x.Summary
FROM OPENJSON(@P2) WITH (
    ProductId bigint '$.productId',
    Slug nvarchar(255) '$.slug',
    Version bigint '$.version',
    Document nvarchar(max) '$.document' AS JSON,
    Summary nvarchar(max) '$.summary' AS JSON
) AS x;

DELETE d
FROM Commerce.PublishedProduct AS d
INNER JOIN @product AS x ON x.ProductId = d.ProductId
WHERE d.StoreId = @P1;

DELETE c
FROM Commerce.PublishedCategory AS c
INNER JOIN @product AS x ON x.ProductId = c.ProductId
WHERE c.StoreId = @P1;

INSERT INTO Commerce.PublishedProduct (StoreId, ProductId, Slug, Version, Document, Summary)
SELECT @P1, x.ProductId, x.Slug, x.Version, x.Document, x.Summary
FROM @product AS x
WHERE x.Document IS NOT NULL;

INSERT INTO Commerce.PublishedCategory (StoreId, CategoryKey, ProductId)
SELECT @P1, x.CategoryKey, x.ProductId
FROM OPENJSON(@P3) WITH (ProductId bigint '$.productId', CategoryKey nvarchar(300) '$.categoryKey') AS x;
