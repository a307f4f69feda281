-- Replaces one product, if it still has the version that the caller saw: the guard stands on the row itself, so
-- of two writers with the same version exactly one finds it. Equal content keeps its version.
-- @P1 store, @P2 id, @P3 expected version, @P4 .. @P17 the columns in their order, @P18 content hash,
-- @P19 variants as a JSON array.
SET NOCOUNT ON;

DECLARE @written TABLE (
    ProductId bigint NOT NULL,
    Version bigint NOT NULL,
    SlugBefore nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CategoryKeyBefore nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    PublishedBefore bit NOT NULL
);

UPDATE p
SET p.Slug = @P4, p.Title = @P5, p.BodyHtml = @P6, p.Vendor = @P7, p.Category = @P8, p.CategoryKey = @P9,
    p.ProductType = @P10, p.Tags = @P11, p.Published = @P12, p.SeoTitle = @P13, p.SeoDescription = @P14,
    p.OptionNames = @P15, p.Images = @P16, p.Currency = @P17, p.ContentHash = @P18, p.Version = p.Version + 1,
    p.UpdatedAt = SYSUTCDATETIME()
OUTPUT inserted.Id, inserted.Version, deleted.Slug, deleted.CategoryKey, deleted.Published
    INTO @written (ProductId, Version, SlugBefore, CategoryKeyBefore, PublishedBefore)
FROM Commerce.Product AS p
WHERE p.StoreId = @P1 AND p.Id = @P2 AND p.Version = @P3 AND p.ContentHash <> @P18;

DELETE v
FROM Commerce.Variant AS v
INNER JOIN @written AS w ON w.ProductId = v.ProductId;

INSERT INTO Commerce.Variant (ProductId, Position, Sku, SkuWritten, OptionValues, Price, CompareAtPrice, Grams,
    InventoryQuantity)
SELECT w.ProductId, x.Position, x.Sku, x.SkuWritten, x.OptionValues, x.Price, x.CompareAtPrice, x.Grams,
    x.InventoryQuantity
FROM OPENJSON(@P19) WITH (
    Position int '$.position',
    Sku nvarchar(100) '$.sku',
    SkuWritten nvarchar(100) '$.skuWritten',
    OptionValues nvarchar(max) '$.optionValues',
    Price bigint '$.price',
    CompareAtPrice bigint '$.compareAtPrice',
    Grams int '$.grams',
    InventoryQuantity int '$.inventoryQuantity'
) AS x
CROSS JOIN @written AS w;

-- No row: no such product. No Written: another version, or the same content.
SELECT p.Version, p.ContentHash, w.Version AS Written, w.SlugBefore, w.CategoryKeyBefore, w.PublishedBefore
FROM Commerce.Product AS p
LEFT JOIN @written AS w ON w.ProductId = p.Id
WHERE p.StoreId = @P1 AND p.Id = @P2;
