-- Creates a store or changes its name and language. The currency stays: prices are stored in it.
-- @P1 id, @P2 name, @P3 currency, @P4 language.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @written TABLE (Version bigint NOT NULL);

UPDATE s
SET s.Name = @P2, s.Language = @P4, s.Version = s.Version + 1, s.UpdatedAt = SYSUTCDATETIME()
OUTPUT inserted.Version INTO @written (Version)
FROM Commerce.Store AS s
WHERE s.Id = @P1 AND s.Currency = @P3 AND (s.Name <> @P2 OR s.Language <> @P4);

INSERT INTO Commerce.Store (Id, Name, Currency, Language, Version)
OUTPUT inserted.Version INTO @written (Version)
SELECT @P1, @P2, @P3, @P4, 1
WHERE NOT EXISTS (SELECT 1 FROM Commerce.Store AS s WITH (UPDLOCK, HOLDLOCK) WHERE s.Id = @P1);

SELECT s.Version, s.Currency, (SELECT COUNT(*) FROM @written) AS Written
FROM Commerce.Store AS s
WHERE s.Id = @P1;
