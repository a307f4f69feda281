-- The product, then its variants. @P1 store, @P2 id.
SELECT p.Slug, p.Published, p.Content, p.Version, p.CreatedAt, p.UpdatedAt
FROM Commerce.Product AS p
WHERE p.StoreId = @P1 AND p.Id = @P2;

SELECT v.Price, v.CompareAtPrice, v.Grams, v.InventoryQuantity, v.Detail
FROM Commerce.Product AS p
INNER JOIN Commerce.Variant AS v ON v.ProductId = p.Id
WHERE p.StoreId = @P1 AND p.Id = @P2
ORDER BY v.Position;
