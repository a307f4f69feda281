-- Writes a chunk of an import by slug. A product whose content hash is equal keeps its version and is only marked
-- with the import; one that this import has met before is left alone, and reported by having no outcome.
-- Texts travel AS JSON inside of JSON: Babelfish leaves escapes in strings that OPENJSON takes out.
-- @P1 store, @P2 products and @P3 variants as JSON arrays, products sorted by slug, @P4 import.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @wanted TABLE (
    Ordinal int NOT NULL PRIMARY KEY,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CategoryKey nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    Published bit NOT NULL,
    Content nvarchar(max) NOT NULL,
    ContentHash nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL
);
-- The before-image of products that exist and that this import has not met: what frontends may have cached.
DECLARE @before TABLE (
    ProductId bigint NOT NULL PRIMARY KEY,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Version bigint NOT NULL,
    ContentHash nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CategoryKey nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    Published bit NOT NULL
);
DECLARE @written TABLE (
    ProductId bigint NOT NULL PRIMARY KEY,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Version bigint NOT NULL
);

INSERT INTO @wanted (Ordinal, Slug, CategoryKey, Published, Content, ContentHash)
SELECT x.Ordinal, x.Slug, x.CategoryKey, x.Published, x.Content, x.ContentHash
FROM OPENJSON(@P2) WITH (
    Ordinal int '$.ordinal',
    Slug nvarchar(255) '$.slug',
    CategoryKey nvarchar(300) '$.categoryKey',
    Published bit '$.published',
    Content nvarchar(max) '$.content' AS JSON,
    ContentHash nvarchar(64) '$.contentHash'
) AS x;

-- Marking locks the rows, so nothing below can race. Only ImportId changes: `inserted` is the before-image
-- (`deleted` would be too, but Babelfish cannot give it outside of dbo).
UPDATE p
SET p.ImportId = @P4
OUTPUT inserted.Id, inserted.Slug, inserted.Version, inserted.ContentHash, inserted.CategoryKey, inserted.Published
    INTO @before (ProductId, Slug, Version, ContentHash, CategoryKey, Published)
FROM Commerce.Product AS p
INNER JOIN @wanted AS w ON w.Slug = p.Slug
WHERE p.StoreId = @P1 AND (p.ImportId IS NULL OR p.ImportId <> @P4);

INSERT INTO @written (ProductId, Slug, Version)
SELECT b.ProductId, b.Slug, b.Version + 1
FROM @before AS b
INNER JOIN @wanted AS w ON w.Slug = b.Slug
WHERE w.ContentHash <> b.ContentHash;

UPDATE p
SET p.CategoryKey = w.CategoryKey, p.Published = w.Published, p.Content = w.Content, p.ContentHash = w.ContentHash,
    p.Version = r.Version, p.UpdatedAt = SYSUTCDATETIME()
FROM Commerce.Product AS p
INNER JOIN @written AS r ON r.ProductId = p.Id
INNER JOIN @wanted AS w ON w.Slug = r.Slug;

INSERT INTO Commerce.Product (StoreId, Slug, CategoryKey, Published, Content, ContentHash, ImportId, Version)
OUTPUT inserted.Id, inserted.Slug, inserted.Version INTO @written (ProductId, Slug, Version)
SELECT @P1, w.Slug, w.CategoryKey, w.Published, w.Content, w.ContentHash, @P4, 1
FROM @wanted AS w
WHERE NOT EXISTS (
    SELECT 1 FROM Commerce.Product AS p WITH (UPDLOCK, HOLDLOCK) WHERE p.StoreId = @P1 AND p.Slug = w.Slug
)
ORDER BY w.Ordinal;

DELETE v
FROM Commerce.Variant AS v
INNER JOIN @written AS r ON r.ProductId = v.ProductId;

INSERT INTO Commerce.Variant (ProductId, Position, Sku, Price, CompareAtPrice, Grams, InventoryQuantity, Detail)
SELECT r.ProductId, x.Position, x.Sku, x.Price, x.CompareAtPrice, x.Grams, x.InventoryQuantity, x.Detail
FROM OPENJSON(@P3) WITH (
    Ordinal int '$.ordinal',
    Position int '$.position',
    Sku nvarchar(300) '$.sku',
    Price bigint '$.price',
    CompareAtPrice bigint '$.compareAtPrice',
    Grams int '$.grams',
    InventoryQuantity int '$.inventoryQuantity',
    Detail nvarchar(max) '$.detail' AS JSON
) AS x
INNER JOIN @wanted AS w ON w.Ordinal = x.Ordinal
INNER JOIN @written AS r ON r.Slug = w.Slug;

-- Neither written nor met before: this import has written that slug already.
SELECT w.Ordinal, r.ProductId, r.Version, b.ProductId AS Existing, b.CategoryKey AS CategoryKeyBefore,
    b.Published AS PublishedBefore
FROM @wanted AS w
LEFT JOIN @written AS r ON r.Slug = w.Slug
LEFT JOIN @before AS b ON b.Slug = w.Slug
ORDER BY w.Ordinal;
