-- @P1 queue   @P2 who
SET NOCOUNT ON;
INSERT INTO Jobs.PausedQueue (Queue, PausedBy)
SELECT @P1, @P2
WHERE NOT EXISTS (SELECT 1 FROM Jobs.PausedQueue AS p WITH (UPDLOCK, HOLDLOCK) WHERE p.Queue = @P1);
