-- Variables, IF, WHILE, RETURN, PRINT, EXECUTE of texts. Sources: "DECLARE @local_variable", "SET @local_variable",
-- "WHILE", "RETURN", "PRINT", "sp_executesql", errors 137, 134, 1087 and 2812.

--# while_with_break_and_continue
DECLARE @i int = 0, @s int = 0; WHILE @i < 10 BEGIN SET @i += 1; IF @i = 3 CONTINUE; IF @i > 5 BREAK; SET @s += @i END; SELECT @i, @s
--= 6 | 12

--# else_belongs_to_the_nearest_if
IF 1 = 1 IF 1 = 2 SELECT 1 ELSE SELECT 2
--= 2

--# unknown_is_not_true
IF NULL = 1 SELECT 1 ELSE SELECT 2
--= 2

--# return_ends_the_batch
SELECT 1; RETURN; SELECT 2
--= 1

--# a_variable_is_null_until_it_is_set
DECLARE @a int, @b nvarchar(5) = N'x'; SELECT @a, @b
--= NULL | 'x'

--# a_variable_is_declared_once_per_batch_even_in_a_loop
DECLARE @i int = 0; WHILE @i < 3 BEGIN DECLARE @x int; SET @x = ISNULL(@x, 0) + 1; SET @i += 1 END; SELECT @x
--= 3

--# an_undeclared_variable_is_error_137
SELECT @nope
--! 137, level 15, state 2: Must declare the scalar variable "@nope".
SET @nope = 1
--! 137, level 15, state 1: Must declare the scalar variable "@nope".

--# a_variable_declared_twice_is_error_134
DECLARE @a int; DECLARE @A int
--! 134, level 15, state 2: The variable name '@A' has already been declared. Variable names must be unique within a query batch or stored procedure.

--# variables_end_with_their_batch
DECLARE @a int = 1
--ok
SELECT @a
--! 137

--# select_assigns_several_variables
DECLARE @a int = 5, @b nvarchar(3); SELECT @a = @a + 1, @b = N'abcdef'; SELECT @a, @b
--= 6 | 'abc'

--# a_select_of_no_rows_leaves_the_variable_alone
DECLARE @a int = 5; SELECT @a = 1 WHERE 1 = 0; SELECT @a
--= 5

--# set_from_a_query_of_no_rows_makes_it_null
DECLARE @a int = 5; SET @a = (SELECT 1 WHERE 1 = 0); SELECT @a
--= NULL

--# select_may_not_assign_and_return
DECLARE @a int; SELECT @a = 1, 2
--! 141, level 15, state 1: A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.

--# a_table_variable_is_seen_in_its_batch_only
DECLARE @t TABLE (Id int); INSERT INTO @t VALUES (1); SELECT Id FROM @t
--= 1
SELECT Id FROM @t
--! 1087, level 15, state 2: Must declare the table variable "@t".

--# print_is_an_information
PRINT N'hello'
--i 0: hello
PRINT 1 + 1
--i 0: 2

--# execute_of_a_text_has_its_own_variables
DECLARE @a int = 1; EXEC (N'SELECT @a')
--! 137

--# execute_of_a_text_returns_to_the_batch
EXEC (N'SELECT 1; RETURN; SELECT 2'); SELECT 3
--= 1
--: *
--= 3

--# sp_executesql_takes_parameters_and_gives_back_outputs
DECLARE @r int, @x int; EXEC @r = sp_executesql N'SET @o = @i * 2', N'@i int, @o int OUTPUT', @i = 21, @o = @x OUTPUT; SELECT @r, @x
--= 0 | 42

--# sp_executesql_takes_parameters_by_position
EXEC sp_executesql N'SELECT @a, @b', N'@a int, @b nvarchar(5)', 7, N'abc'
--: int | nvarchar(5)
--= 7 | 'abc'

--# a_missing_parameter_is_error_8178
EXEC sp_executesql N'SELECT @a', N'@a int'
--! 8178, level 16, state 1: The parameterized query '(@a int)SELECT @a' expects the parameter '@a', which was not supplied.

--# an_unknown_procedure_is_error_2812
EXEC dbo.nowhere
--! 2812, level 16, state 62: Could not find stored procedure 'dbo.nowhere'.

--# rowcount_is_that_of_the_last_statement
CREATE TABLE #r (Id int); INSERT INTO #r VALUES (1), (2), (3); SELECT @@ROWCOUNT; DELETE FROM #r WHERE Id > 1; SELECT @@ROWCOUNT; DECLARE @x int; SET @x = 1; SELECT @@ROWCOUNT; SELECT @@ROWCOUNT
--= 3
--: *
--= 2
--: *
--= 1
--: *
--= 1

--# error_is_that_of_the_last_statement
SELECT 1 / 0; SELECT @@ERROR; SELECT @@ERROR
--! 8134
--= 8134
--: *
--= 0

--# nocount_hides_counts
CREATE TABLE #n (Id int); INSERT INTO #n VALUES (1), (2); SELECT 'x'
--n 2
--= 'x'
SET NOCOUNT ON; INSERT INTO #n VALUES (3); SELECT @@ROWCOUNT
--= 1

--# waitfor_waits
WAITFOR DELAY '00:00:00'; SELECT 1
--= 1

--# options_are_set_and_read
SET NOCOUNT ON; SET XACT_ABORT ON; SET LOCK_TIMEOUT 1500; SELECT @@LOCK_TIMEOUT
--= 1500

--# semicolons_may_be_many_or_none
;;SELECT 1 SELECT 2;;
--= 1
--: *
--= 2

--# an_empty_batch_does_nothing
-- only a comment
--ok

--# comments_nest
SELECT /* a /* b */ c */ 1 -- rest
--= 1
