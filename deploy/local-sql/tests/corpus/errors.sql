-- Which error ends what: the statement, the text, the batch, the transaction; TRY and CATCH, THROW, RAISERROR,
-- XACT_ABORT. Sources: "TRY...CATCH", "THROW", "RAISERROR", "SET XACT_ABORT", "XACT_STATE", "@@TRANCOUNT", errors 266,
-- 3930 and 3998.

--# an_arithmetic_error_ends_the_statement
SELECT 1 / 0; SELECT 2
--! 8134
--= 2
DECLARE @i int = 2147483647; SET @i = @i + 1; SELECT 3
--! 8115
--= 3

--# a_small_overflow_ends_the_statement
DECLARE @t tinyint; SET @t = 256; SELECT 1
--! 220
--= 1

--# a_constraint_error_ends_the_statement_and_not_the_transaction
CREATE TABLE dbo.E1 (Id int NOT NULL PRIMARY KEY)
--ok
BEGIN TRANSACTION; INSERT INTO dbo.E1 VALUES (1); INSERT INTO dbo.E1 VALUES (1); INSERT INTO dbo.E1 VALUES (NULL); INSERT INTO dbo.E1 VALUES (2); COMMIT; SELECT COUNT(*) FROM dbo.E1
--! 2627
--! 515
--= 2

--# a_conversion_error_ends_the_batch_and_the_transaction
BEGIN TRANSACTION; SELECT CAST('x' AS int); SELECT 1
--! 245
SELECT @@TRANCOUNT
--= 0
BEGIN TRANSACTION; SELECT CAST('x' AS date); SELECT 1
--! 241
SELECT @@TRANCOUNT
--= 0
BEGIN TRANSACTION; SELECT CAST('x' AS bigint); SELECT 1
--! 8114
SELECT @@TRANCOUNT
--= 0

--# a_missing_table_ends_the_batch_and_leaves_the_transaction
BEGIN TRANSACTION; SELECT 1; SELECT * FROM dbo.Missing; SELECT 2
--= 1
--! 208
SELECT @@TRANCOUNT; ROLLBACK
--= 1

--# a_missing_column_stops_the_batch_before_it_begins
CREATE TABLE dbo.E2 (Id int)
--ok
INSERT INTO dbo.E2 VALUES (1); SELECT Nope FROM dbo.E2
--! 207
SELECT COUNT(*) FROM dbo.E2
--= 0

--# a_missing_procedure_ends_the_statement
EXEC dbo.nowhere; SELECT 1
--! 2812
--= 1

--# more_than_one_value_ends_the_statement
DECLARE @i int; SET @i = (SELECT v FROM (VALUES (1), (2)) AS t (v)); SELECT 1
--! 512, level 16, state 1
--= 1

--# xact_abort_ends_batch_and_transaction_with_any_error
CREATE TABLE dbo.E3 (Id int NOT NULL PRIMARY KEY)
--ok
SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO dbo.E3 VALUES (1); INSERT INTO dbo.E3 VALUES (1); COMMIT
--! 2627
SELECT @@TRANCOUNT, COUNT(*) FROM dbo.E3
--= 0 | 0

--# xact_abort_outside_a_transaction_ends_the_batch
SET XACT_ABORT ON; SELECT 1 / 0; SELECT 2
--! 8134

--# raiserror_does_not_heed_xact_abort
SET XACT_ABORT ON; BEGIN TRANSACTION; RAISERROR (N'no', 16, 1); SELECT @@TRANCOUNT; ROLLBACK
--! 50000, level 16, state 1: no
--= 1

--# throw_ends_the_batch_and_heeds_xact_abort
THROW 50001, N'no', 3; SELECT 1
--! 50001, level 16, state 3: no
SET XACT_ABORT ON; BEGIN TRANSACTION; THROW 50001, N'no', 1
--! 50001
SELECT @@TRANCOUNT
--= 0
SET XACT_ABORT OFF; BEGIN TRANSACTION; THROW 50001, N'no', 1
--! 50001
SELECT @@TRANCOUNT; ROLLBACK
--= 1

--# raiserror_goes_on
RAISERROR (N'%s is %d', 16, 2, N'x', 5); SELECT @@ERROR
--! 50000, level 16, state 2: x is 5
--= 50000

--# raiserror_up_to_level_10_is_an_information
RAISERROR (N'note', 10, 1); SELECT 1
--i 50000, level 10: note
--= 1

--# a_catch_sees_the_error
DECLARE @x int; BEGIN TRY SET @x = 1 / 0; SELECT 9 END TRY BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_STATE(), ERROR_MESSAGE(), ERROR_LINE(), ERROR_PROCEDURE() END CATCH; SELECT ERROR_NUMBER()
--= 8134 | 16 | 1 | 'Divide by zero error encountered.' | 1 | NULL
--: *
--= NULL

--# a_catch_is_skipped_without_an_error
BEGIN TRY SELECT 1 END TRY BEGIN CATCH SELECT 2 END CATCH; SELECT 3
--= 1
--: *
--= 3

--# throw_without_arguments_raises_the_same_error
BEGIN TRY THROW 50001, N'boom', 3 END TRY BEGIN CATCH SELECT ERROR_STATE(); THROW; END CATCH; SELECT 1
--= 3
--! 50001, level 16, state 3: boom

--# throw_without_arguments_outside_a_catch_is_error_10704
THROW
--! 10704, level 15, state 1

--# throw_takes_numbers_from_50000
BEGIN TRY THROW 49999, N'x', 1 END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH
--= 35100

--# an_error_in_a_catch_goes_out
DECLARE @x int; BEGIN TRY SET @x = 1 / 0 END TRY BEGIN CATCH SET @x = CAST('x' AS int) END CATCH; SELECT 1
--! 245

--# an_inner_catch_hides_the_outer
DECLARE @x int; BEGIN TRY BEGIN TRY SET @x = 1 / 0 END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH; SET @x = CAST('x' AS int) END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH
--= 8134
--: *
--= 245

--# a_try_does_not_catch_missing_names_of_its_own_text
BEGIN TRY SELECT * FROM dbo.Missing END TRY BEGIN CATCH SELECT 1 END CATCH
--! 208

--# a_try_catches_missing_names_of_an_inner_text
BEGIN TRY EXEC (N'SELECT * FROM dbo.Missing') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH
--= 208

--# a_try_catches_syntax_errors_of_an_inner_text
BEGIN TRY EXEC (N'SELECT 1 +') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH
--= 102

--# a_caught_constraint_error_leaves_the_transaction_committable
CREATE TABLE dbo.E4 (Id int NOT NULL PRIMARY KEY)
--ok
BEGIN TRY BEGIN TRANSACTION; INSERT INTO dbo.E4 VALUES (1); INSERT INTO dbo.E4 VALUES (1) END TRY BEGIN CATCH SELECT XACT_STATE(), @@TRANCOUNT; COMMIT END CATCH; SELECT COUNT(*) FROM dbo.E4
--= 1 | 1
--: *
--= 1

--# under_xact_abort_a_caught_error_dooms_the_transaction
CREATE TABLE dbo.E5 (Id int NOT NULL PRIMARY KEY)
--ok
SET XACT_ABORT ON; BEGIN TRY BEGIN TRANSACTION; INSERT INTO dbo.E5 VALUES (1); INSERT INTO dbo.E5 VALUES (1) END TRY BEGIN CATCH SELECT XACT_STATE(), @@TRANCOUNT; SELECT COUNT(*) FROM dbo.E5; ROLLBACK; SELECT XACT_STATE() END CATCH; SELECT COUNT(*) FROM dbo.E5
--= -1 | 1
--: *
--= 1
--: *
--= 0
--: *
--= 0

--# a_caught_conversion_error_dooms_the_transaction
DECLARE @x int; BEGIN TRY BEGIN TRANSACTION; SET @x = CAST('x' AS int) END TRY BEGIN CATCH SELECT XACT_STATE(); ROLLBACK END CATCH
--= -1

--# a_doomed_transaction_takes_no_writes
CREATE TABLE dbo.E6 (Id int NOT NULL PRIMARY KEY)
--ok
SET XACT_ABORT ON; DECLARE @x int; BEGIN TRY BEGIN TRANSACTION; SET @x = 1 / 0 END TRY BEGIN CATCH INSERT INTO dbo.E6 VALUES (4) END CATCH
--! 3930, level 16, state 1: The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.
SELECT @@TRANCOUNT, COUNT(*) FROM dbo.E6
--= 0 | 0

--# a_doomed_transaction_cannot_be_committed
SET XACT_ABORT ON; DECLARE @x int; BEGIN TRY BEGIN TRANSACTION; SET @x = 1 / 0 END TRY BEGIN CATCH COMMIT END CATCH
--! 3930
SELECT @@TRANCOUNT
--= 0

--# a_doomed_transaction_ends_with_its_batch
SET XACT_ABORT ON; DECLARE @x int; BEGIN TRY BEGIN TRANSACTION; SET @x = 1 / 0 END TRY BEGIN CATCH SELECT XACT_STATE() END CATCH
--= -1
--! 3998, level 16, state 1: Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.
SELECT @@TRANCOUNT
--= 0

--# a_text_must_leave_the_transaction_count_as_it_was
EXEC sp_executesql N'BEGIN TRANSACTION'; SELECT @@TRANCOUNT; ROLLBACK
--! 266, level 16, state 2: Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = 0, current count = 1.
--= 1

--# an_error_in_a_condition_ends_the_statement
IF 1 / 0 = 1 SELECT 1 ELSE SELECT 2; SELECT 3
--! 8134
--= 3

--# the_line_of_an_error_is_that_of_its_statement
SELECT 1;

SELECT
  1 / 0
--= 1
--! 8134, line 3

--# raiserror_in_a_try_is_caught_from_level_11
BEGIN TRY RAISERROR (N'a', 10, 1); RAISERROR (N'b', 11, 7); SELECT 1 END TRY BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_STATE(), ERROR_MESSAGE() END CATCH
--= 50000 | 11 | 7 | 'b'
