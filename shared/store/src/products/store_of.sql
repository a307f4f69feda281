-- The store that has a product. @P1 product.
SELECT s.Id, s.Name, s.Currency, s.Language, s.Version
FROM Commerce.Product AS p
INNER JOIN Commerce.Store AS s ON s.Id = p.StoreId
WHERE p.Id = @P1;
