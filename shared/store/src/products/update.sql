-- Replaces one product, if it still has the version that the caller saw: the guard stands on the row itself, so
-- of two writers with the same version exactly one finds it. Equal content keeps its version.
-- @P1 store, @P2 id, @P3 expected version, @P4 slug, @P5 category key, empty: none, @P6 published, @P7 content,
-- @P8 content hash, @P9 variants as a JSON array.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @before TABLE (
    ProductId bigint NOT NULL PRIMARY KEY,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CategoryKey nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    Published bit NOT NULL
);

-- Takes the row. Only the version changes: the rest of `inserted` is the before-image
-- (`deleted` would be too, but Babelfish cannot give it outside of dbo).
UPDATE p
SET p.Version = p.Version + 1, p.UpdatedAt = SYSUTCDATETIME()
OUTPUT inserted.Id, inserted.Slug, inserted.CategoryKey, inserted.Published
    INTO @before (ProductId, Slug, CategoryKey, Published)
FROM Commerce.Product AS p
WHERE p.StoreId = @P1 AND p.Id = @P2 AND p.Version = @P3 AND p.ContentHash <> @P8;

UPDATE p
SET p.Slug = @P4, p.CategoryKey = NULLIF(@P5, N''), p.Published = @P6, p.Content = @P7, p.ContentHash = @P8
FROM Commerce.Product AS p
INNER JOIN @before AS b ON b.ProductId = p.Id;

DELETE v
FROM Commerce.Variant AS v
INNER JOIN @before AS b ON b.ProductId = v.ProductId;

INSERT INTO Commerce.Variant (ProductId, Position, Sku, Price, CompareAtPrice, Grams, InventoryQuantity, Detail)
SELECT b.ProductId, x.Position, x.Sku, x.Price, x.CompareAtPrice, x.Grams, x.InventoryQuantity, x.Detail
FROM OPENJSON(@P9) WITH (
    Position int '$.position',
    Sku nvarchar(300) '$.sku',
    Price bigint '$.price',
    CompareAtPrice bigint '$.compareAtPrice',
    Grams int '$.grams',
    InventoryQuantity int '$.inventoryQuantity',
    Detail nvarchar(max) '$.detail' AS JSON
) AS x
CROSS JOIN @before AS b;

-- No row: no such product. No SlugBefore: another version, or the same content.
SELECT p.Version, p.ContentHash, b.Slug AS SlugBefore, b.CategoryKey AS CategoryKeyBefore,
    b.Published AS PublishedBefore
FROM Commerce.Product AS p
LEFT JOIN @before AS b ON b.ProductId = p.Id
WHERE p.StoreId = @P1 AND p.Id = @P2;
