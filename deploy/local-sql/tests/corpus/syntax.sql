-- Batches that cannot be parsed: nothing of them runs. Sources: errors 102, 105, 113, 156, 319 of the T-SQL reference.

--# a_batch_with_a_mistake_runs_nothing
CREATE TABLE dbo.Untouched (Id int)
--ok
INSERT INTO dbo.Untouched VALUES (1); SELEC 1
--! 102, level 15, state 1, line 1
INSERT INTO dbo.Untouched VALUES (1); SELECT FROM dbo.Untouched
--! 156, level 15, state 1, line 1: Incorrect syntax near the keyword 'FROM'.
SELECT COUNT(*) FROM dbo.Untouched
--= 0

--# the_line_of_a_mistake_is_told
SELECT 1

SELECT * FRM t WHERE
--! 102, level 15, state 1, line 3

--# an_open_string_is_error_105
SELECT 'abc
--! 105, level 15, state 1: Unclosed quotation mark after the character string 'abc'.

--# an_open_comment_is_error_113
SELECT 1 /* abc
--! 113, level 15, state 1: Missing end comment mark '*/'.

--# an_operand_is_missing
SELECT 1 +
--! 102, level 15, state 1: Incorrect syntax near '+'.

--# a_parenthesis_is_missing
SELECT (1 + 2
--! 102, level 15, state 1: Incorrect syntax near '2'.

--# a_keyword_is_no_name
CREATE TABLE dbo.Order (Id int)
--! 156, level 15, state 1: Incorrect syntax near the keyword 'Order'.

--# begin_without_end
BEGIN SELECT 1
--! 102, level 15, state 1

--# a_condition_is_no_value
SELECT 1 = 1
--! 102, level 15, state 1: Incorrect syntax near '='.

--# a_value_is_no_condition
SELECT 1 WHERE 1
--! 4145, level 15, state 1: An expression of non-boolean type specified in a context where a condition is expected, near '1'.

--# values_need_parentheses
INSERT INTO dbo.T VALUES 1, 2
--! 102, level 15, state 1: Incorrect syntax near '1'.

--# update_needs_set
UPDATE dbo.T WHERE Id = 1
--! 156, level 15, state 1: Incorrect syntax near the keyword 'WHERE'.

--# try_needs_catch
BEGIN TRY SELECT 1 END TRY
--! 102, level 15, state 1

--# a_mistake_in_an_executed_text_is_an_error_of_that_statement
EXEC (N'SELECT 1 +'); SELECT 2
--! 102, level 15
--= 2

--# order_by_a_number_out_of_range
SELECT 1 AS a ORDER BY 2
--! 108, level 16, state 1: The ORDER BY position number 2 is out of range of the number of items in the select list.
