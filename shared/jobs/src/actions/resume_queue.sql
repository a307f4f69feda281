-- @P1 queue
SET NOCOUNT ON;
DELETE p FROM Jobs.PausedQueue AS p WHERE p.Queue = @P1;
