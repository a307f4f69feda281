-- @P1 id.
SELECT s.Name, s.Currency, s.Language, s.Version
FROM Commerce.Store AS s
WHERE s.Id = @P1;
