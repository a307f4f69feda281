-- Puts a new job under a limit, and gives it a unique key that reserve.sql has locked.
-- @P1 job   @P2 limit, '' = none   @P3 how many may run at a time   @P4 [1, …, @P3]
-- @P5 unique key, '' = none   @P6 scope: started, ended, period   @P7 seconds of the period
SET NOCOUNT ON;
SET XACT_ABORT ON;

IF @P2 <> N''
BEGIN
    INSERT INTO Jobs.JobLimit (JobId, [Key]) VALUES (@P1, @P2);

    -- Written only when it changes: claims take turns on this row.
    UPDATE l SET l.Places = @P3 FROM Jobs.Limit AS l WHERE l.[Key] = @P2 AND l.Places <> @P3;
    INSERT INTO Jobs.Limit ([Key], Places)
    SELECT @P2, @P3
    WHERE NOT EXISTS (SELECT 1 FROM Jobs.Limit AS l WITH (UPDLOCK, HOLDLOCK) WHERE l.[Key] = @P2);

    IF NOT EXISTS (SELECT 1 FROM Jobs.LimitPlace AS p WHERE p.[Key] = @P2 AND p.Place = @P3)
        INSERT INTO Jobs.LimitPlace ([Key], Place)
        SELECT @P2, CAST(x.value AS int)
        FROM OPENJSON(@P4) AS x
        WHERE NOT EXISTS (SELECT 1 FROM Jobs.LimitPlace AS p WHERE p.[Key] = @P2 AND p.Place = CAST(x.value AS int));
END;

IF @P5 <> N''
    UPDATE u SET u.JobId = @P1, u.Scope = @P6,
        u.Until = CASE WHEN @P6 = N'period' THEN DATEADD(second, @P7, SYSUTCDATETIME()) END
    FROM Jobs.UniqueKey AS u
    WHERE u.[Key] = @P5;
