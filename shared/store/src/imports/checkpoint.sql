-- Moves the checkpoint forward, if it still stands where this run found it, counts, and keeps refusals while
-- there is room for them.
-- @P1 import, @P2 checkpoint row before, @P3 checkpoint row and @P4 byte after, @P5 rows read, @P6 created,
-- @P7 updated, @P8 unchanged, @P9 refused products, @P10 refused rows, @P11 listing pending, @P12 refusals as a
-- JSON array, @P13 their number, @P14 most refusals kept.
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @moved TABLE (RefusalsAfter bigint NOT NULL);

UPDATE i
SET i.CheckpointRow = @P3, i.CheckpointByte = @P4, i.RowsRead = @P5,
    i.ProductsCreated = i.ProductsCreated + @P6, i.ProductsUpdated = i.ProductsUpdated + @P7,
    i.ProductsUnchanged = i.ProductsUnchanged + @P8, i.ProductsRefused = i.ProductsRefused + @P9,
    i.RowsRefused = i.RowsRefused + @P10, i.ListingPending = @P11, i.Refusals = i.Refusals + @P13,
    i.Version = i.Version + 1
OUTPUT inserted.Refusals INTO @moved (RefusalsAfter)
FROM Commerce.Import AS i
WHERE i.Id = @P1 AND i.State = N'Running' AND i.CheckpointRow = @P2;

INSERT INTO Commerce.ImportRefusal (ImportId, Number, RowNumber, Detail)
SELECT @P1, m.RefusalsAfter - @P13 + x.Ordinal, x.RowNumber, x.Detail
FROM OPENJSON(@P12) WITH (
    Ordinal int '$.ordinal',
    RowNumber bigint '$.row',
    Detail nvarchar(max) '$.detail' AS JSON
) AS x
CROSS JOIN @moved AS m
WHERE m.RefusalsAfter - @P13 + x.Ordinal <= @P14;

SELECT COUNT(*) AS Moved FROM @moved;
