-- Gives how many were deleted.
-- @P1 how many at most, @P2 their age in seconds at least.
SET NOCOUNT ON;
DELETE TOP (@P1) FROM Platform.[Commit] WHERE At < DATEADD(second, -@P2, SYSUTCDATETIME());

SELECT CAST(@@ROWCOUNT AS bigint) AS Deleted;
