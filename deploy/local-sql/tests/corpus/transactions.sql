-- Transactions and savepoints. Sources: "BEGIN TRANSACTION", "COMMIT TRANSACTION", "ROLLBACK TRANSACTION", "SAVE
-- TRANSACTION", "@@TRANCOUNT", "SET XACT_ABORT", "table (Transact-SQL)".

--# transactions_nest_by_count
BEGIN TRAN; BEGIN TRANSACTION; SELECT @@TRANCOUNT; COMMIT; SELECT @@TRANCOUNT; COMMIT TRAN; SELECT @@TRANCOUNT, XACT_STATE()
--= 2
--: *
--= 1
--: *
--= 0 | 0

--# rollback_undoes_all_levels
CREATE TABLE dbo.T1 (Id int); BEGIN TRAN; INSERT INTO dbo.T1 VALUES (1); BEGIN TRAN; INSERT INTO dbo.T1 VALUES (2); ROLLBACK; SELECT @@TRANCOUNT, COUNT(*) FROM dbo.T1
--= 0 | 0

--# commit_without_begin_is_error_3902
COMMIT; SELECT 1
--! 3902, level 16, state 1: The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.
--= 1

--# rollback_without_begin_is_error_3903
ROLLBACK; SELECT 1
--! 3903, level 16, state 1: The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.
--= 1

--# a_savepoint_takes_back_what_came_after_it
CREATE TABLE dbo.T2 (Id int); BEGIN TRAN; INSERT INTO dbo.T2 VALUES (1); SAVE TRAN s; INSERT INTO dbo.T2 VALUES (2); ROLLBACK TRAN s; INSERT INTO dbo.T2 VALUES (3); COMMIT; SELECT Id FROM dbo.T2 ORDER BY Id
--= 1
--= 3

--# the_latest_savepoint_of_a_name_counts
CREATE TABLE dbo.T3 (Id int); BEGIN TRAN; SAVE TRAN s; INSERT INTO dbo.T3 VALUES (1); SAVE TRAN s; INSERT INTO dbo.T3 VALUES (2); ROLLBACK TRAN s; COMMIT; SELECT Id FROM dbo.T3
--= 1

--# an_unknown_savepoint_is_error_6401
BEGIN TRAN; ROLLBACK TRAN nope; SELECT @@TRANCOUNT; ROLLBACK
--! 6401, level 16, state 1: Cannot roll back nope. No transaction or savepoint of that name was found.
--= 1

--# a_savepoint_needs_a_transaction
SAVE TRAN s
--! 628, level 16: Cannot issue SAVE TRANSACTION when there is no active transaction.

--# a_doomed_transaction_cannot_go_back_to_a_savepoint
BEGIN TRY BEGIN TRAN; SAVE TRAN s; DECLARE @x int = CAST('x' AS int) END TRY BEGIN CATCH ROLLBACK TRAN s END CATCH
--! 3931, level 16, state 1
--! 3998, level 16, state 1
SELECT @@TRANCOUNT
--= 0

--# a_transaction_goes_on_over_batches
CREATE TABLE dbo.T4 (Id int)
--ok
BEGIN TRAN
--ok
INSERT INTO dbo.T4 VALUES (1); SELECT @@TRANCOUNT
--= 1
ROLLBACK; SELECT COUNT(*) FROM dbo.T4
--= 0

--# a_named_transaction_is_rolled_back_by_its_name
BEGIN TRAN outermost; BEGIN TRAN inner1; ROLLBACK TRAN outermost; SELECT @@TRANCOUNT
--= 0

--# table_variables_do_not_roll_back
DECLARE @t TABLE (Id int); BEGIN TRAN; INSERT INTO @t VALUES (1); ROLLBACK; SELECT Id FROM @t
--= 1

--# temporary_tables_roll_back
CREATE TABLE #r (Id int); BEGIN TRAN; INSERT INTO #r VALUES (1); ROLLBACK; SELECT COUNT(*) FROM #r
--= 0

--# ddl_rolls_back
BEGIN TRAN; CREATE TABLE dbo.T5 (Id int); ROLLBACK; SELECT OBJECT_ID(N'dbo.T5')
--= NULL

--# a_statement_happens_whole_or_not_at_all
CREATE TABLE dbo.T6 (Id int NOT NULL PRIMARY KEY); INSERT INTO dbo.T6 VALUES (1), (2), (1); SELECT COUNT(*) FROM dbo.T6
--! 2627
--= 0

--# isolation_levels_are_accepted
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN; SELECT 1; COMMIT; SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION ISOLATION LEVEL READ COMMITTED
--= 1

--# application_locks_belong_to_a_transaction
DECLARE @r int; BEGIN TRAN; EXEC @r = sp_getapplock @Resource = N'a', @LockMode = N'Exclusive', @LockTimeout = 0; SELECT @r; EXEC @r = sp_getapplock @Resource = N'a', @LockMode = N'Shared', @LockTimeout = 0; SELECT @r; COMMIT
--= 0
--: *
--= 0
EXEC sp_releaseapplock @Resource = N'a', @LockOwner = N'Session'
--! 1223, level 16

--# application_locks_belong_to_a_session
DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'b', @LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; SELECT @r; EXEC @r = sp_releaseapplock @Resource = N'b', @LockOwner = N'Session'; SELECT @r
--= 0
--: *
--= 0
