DECLARE @result int;
EXEC @result = sp_getapplock @Resource = N'Stoa.Migrate', @LockMode = N'Exclusive', @LockOwner = N'Transaction', @LockTimeout = 590000;
IF @result < 0 THROW 50002, N'another instance is migrating and did not finish in time', 1;
