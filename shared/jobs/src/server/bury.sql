-- Removes a server that stopped beating: only if nothing was heard from it since the observer looked.
-- @P1 server   @P2 its beat as observed, NULL = whatever it is (a server removes itself)
SET NOCOUNT ON;
SET XACT_ABORT ON;

DECLARE @buried int = 0;

BEGIN TRANSACTION;

DELETE s FROM Jobs.Server AS s WHERE s.Id = @P1 AND (@P2 IS NULL OR s.Beat = @P2);
SET @buried = @@ROWCOUNT;

IF @buried = 1
BEGIN
    DELETE q FROM Jobs.ServerQueue AS q WHERE q.ServerId = @P1;
    DELETE h FROM Jobs.ServerHandler AS h WHERE h.ServerId = @P1;
    DELETE s FROM HangFire.Server AS s WHERE s.Id = @P1;
END;

COMMIT TRANSACTION;

SELECT @buried AS Buried;
