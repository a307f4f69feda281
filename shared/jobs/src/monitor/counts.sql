-- Jobs per state, and how many of them are held.
SELECT j.StateName AS Name, COUNT(*) AS Jobs FROM HangFire.Job AS j WHERE j.StateName IS NOT NULL GROUP BY j.StateName;

SELECT (SELECT COUNT(*) FROM Jobs.Hold AS h) + (SELECT COUNT(*) FROM Jobs.Shelf AS s) AS Held;
