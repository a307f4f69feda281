-- Writes a chunk of an import by slug. A product whose content hash is equal keeps its version and is only marked
-- with the import; one that this import has met before is left alone, and reported by having no outcome.
-- Every guard stands on the row that is written, so a writer in between is never overwritten unseen.
-- @P1 store, @P2 products and @P3 variants as JSON arrays sorted by slug, @P4 import, @P5 currency.
SET NOCOUNT ON;

DECLARE @wanted TABLE (
    Ordinal int NOT NULL PRIMARY KEY,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Title nvarchar(255) NOT NULL,
    BodyHtml nvarchar(max) NOT NULL,
    Vendor nvarchar(255) NOT NULL,
    Category nvarchar(500) NULL,
    CategoryKey nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    ProductType nvarchar(255) NOT NULL,
    Tags nvarchar(max) NOT NULL,
    Published bit NOT NULL,
    SeoTitle nvarchar(255) NOT NULL,
    SeoDescription nvarchar(1000) NOT NULL,
    OptionNames nvarchar(max) NOT NULL,
    Images nvarchar(max) NOT NULL,
    ContentHash nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL
);
-- Created: nothing stands before. Updated: the before-image that frontends may have cached.
DECLARE @written TABLE (
    ProductId bigint NOT NULL,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Version bigint NOT NULL,
    CategoryKeyBefore nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    PublishedBefore bit NULL
);
DECLARE @unchanged TABLE (Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL);

INSERT INTO @wanted (Ordinal, Slug, Title, BodyHtml, Vendor, Category, CategoryKey, ProductType, Tags, Published,
    SeoTitle, SeoDescription, OptionNames, Images, ContentHash)
SELECT x.Ordinal, x.Slug, x.Title, x.BodyHtml, x.Vendor, x.Category, x.CategoryKey, x.ProductType, x.Tags,
    x.Published, x.SeoTitle, x.SeoDescription, x.OptionNames, x.Images, x.ContentHash
FROM OPENJSON(@P2) WITH (
    Ordinal int '$.ordinal',
    Slug nvarchar(255) '$.slug',
    Title nvarchar(255) '$.title',
    BodyHtml nvarchar(max) '$.bodyHtml',
    Vendor nvarchar(255) '$.vendor',
    Category nvarchar(500) '$.category',
    CategoryKey nvarchar(300) '$.categoryKey',
    ProductType nvarchar(255) '$.productType',
    Tags nvarchar(max) '$.tags',
    Published bit '$.published',
    SeoTitle nvarchar(255) '$.seoTitle',
    SeoDescription nvarchar(1000) '$.seoDescription',
    OptionNames nvarchar(max) '$.optionNames',
    Images nvarchar(max) '$.images',
    ContentHash nvarchar(64) '$.contentHash'
) AS x;

UPDATE p
SET p.Title = w.Title, p.BodyHtml = w.BodyHtml, p.Vendor = w.Vendor, p.Category = w.Category,
    p.CategoryKey = w.CategoryKey, p.ProductType = w.ProductType, p.Tags = w.Tags, p.Published = w.Published,
    p.SeoTitle = w.SeoTitle, p.SeoDescription = w.SeoDescription, p.OptionNames = w.OptionNames,
    p.Images = w.Images, p.Currency = @P5, p.ContentHash = w.ContentHash, p.ImportId = @P4,
    p.Version = p.Version + 1, p.UpdatedAt = SYSUTCDATETIME()
OUTPUT inserted.Id, inserted.Slug, inserted.Version, deleted.CategoryKey, deleted.Published
    INTO @written (ProductId, Slug, Version, CategoryKeyBefore, PublishedBefore)
FROM Commerce.Product AS p
INNER JOIN @wanted AS w ON w.Slug = p.Slug
WHERE p.StoreId = @P1 AND p.ContentHash <> w.ContentHash AND (p.ImportId IS NULL OR p.ImportId <> @P4);

UPDATE p
SET p.ImportId = @P4
OUTPUT inserted.Slug INTO @unchanged (Slug)
FROM Commerce.Product AS p
INNER JOIN @wanted AS w ON w.Slug = p.Slug
WHERE p.StoreId = @P1 AND p.ContentHash = w.ContentHash AND (p.ImportId IS NULL OR p.ImportId <> @P4);

INSERT INTO Commerce.Product (StoreId, Slug, Title, BodyHtml, Vendor, Category, CategoryKey, ProductType, Tags,
    Published, SeoTitle, SeoDescription, OptionNames, Images, Currency, ContentHash, ImportId, Version)
OUTPUT inserted.Id, inserted.Slug, inserted.Version INTO @written (ProductId, Slug, Version)
SELECT @P1, w.Slug, w.Title, w.BodyHtml, w.Vendor, w.Category, w.CategoryKey, w.ProductType, w.Tags,
    w.Published, w.SeoTitle, w.SeoDescription, w.OptionNames, w.Images, @P5, w.ContentHash, @P4, 1
FROM @wanted AS w
WHERE NOT EXISTS (
    SELECT 1 FROM Commerce.Product AS p WITH (UPDLOCK, HOLDLOCK) WHERE p.StoreId = @P1 AND p.Slug = w.Slug
)
ORDER BY w.Ordinal;

DELETE v
FROM Commerce.Variant AS v
INNER JOIN @written AS r ON r.ProductId = v.ProductId;

INSERT INTO Commerce.Variant (ProductId, Position, Sku, SkuWritten, OptionValues, Price, CompareAtPrice, Grams,
    InventoryQuantity)
SELECT r.ProductId, x.Position, x.Sku, x.SkuWritten, x.OptionValues, x.Price, x.CompareAtPrice, x.Grams,
    x.InventoryQuantity
FROM OPENJSON(@P3) WITH (
    Ordinal int '$.ordinal',
    Position int '$.position',
    Sku nvarchar(100) '$.sku',
    SkuWritten nvarchar(100) '$.skuWritten',
    OptionValues nvarchar(max) '$.optionValues',
    Price bigint '$.price',
    CompareAtPrice bigint '$.compareAtPrice',
    Grams int '$.grams',
    InventoryQuantity int '$.inventoryQuantity'
) AS x
INNER JOIN @wanted AS w ON w.Ordinal = x.Ordinal
INNER JOIN @written AS r ON r.Slug = w.Slug;

SELECT w.Ordinal, r.ProductId, r.Version, r.CategoryKeyBefore, r.PublishedBefore, u.Slug AS UnchangedSlug
FROM @wanted AS w
LEFT JOIN @written AS r ON r.Slug = w.Slug
LEFT JOIN @unchanged AS u ON u.Slug = w.Slug
ORDER BY w.Ordinal;
