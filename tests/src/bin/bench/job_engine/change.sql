-- The reference's change of one job's state.
-- @P1 job   @P2 state
SET NOCOUNT ON;
SET XACT_ABORT ON;
DECLARE @state bigint;
BEGIN TRANSACTION;
INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data) VALUES (@P1, @P2, GETUTCDATE(), N'{}');
SET @state = SCOPE_IDENTITY();
UPDATE j SET j.StateId = @state, j.StateName = @P2 FROM HangFire.Job AS j WHERE j.Id = @P1;
IF @P2 = N'Succeeded'
    INSERT INTO HangFire.Counter ([Key], Value) VALUES (N'stats:succeeded', 1), (N'stats:succeeded:day', 1),
        (N'stats:succeeded:hour', 1);
COMMIT TRANSACTION;
