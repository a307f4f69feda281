-- Schemas, quoted names, aliases, and names that do not exist. Sources: "Database identifiers", "FROM", errors 107, 207,
-- 208, 209, 1011 and 4104.

--# names_are_found_in_any_case
CREATE TABLE dbo.CaseTest (Id int, [Name] nvarchar(5)); INSERT INTO DBO.casetest (ID, name) VALUES (1, N'a'); SELECT id, NAME FROM CaseTest
--: id int | NAME nvarchar(5)
--= 1 | 'a'

--# brackets_and_quotes_hold_any_name
CREATE TABLE dbo.[a table] ([Order] int, "sel""ect" int, [b]]c] int); INSERT INTO dbo."a table" VALUES (1, 2, 3); SELECT [Order], "sel""ect", [b]]c] FROM [dbo].[a table]
--: Order int | sel"ect int | b]c int
--= 1 | 2 | 3

--# a_schema_has_its_own_tables
CREATE SCHEMA Sales
--ok
CREATE TABLE Sales.Item (Id int); CREATE TABLE dbo.Item (Id int); INSERT INTO Sales.Item VALUES (1); INSERT INTO Item VALUES (2); SELECT Id FROM Sales.Item; SELECT Id FROM Item; SELECT Id FROM dbo.Item
--= 1
--: *
--= 2
--: *
--= 2

--# an_unknown_schema_is_error_2760
CREATE TABLE Nowhere.T (Id int)
--! 2760, level 16, state 1: The specified schema name "Nowhere" either does not exist or you do not have permission to use it.

--# an_unknown_table_is_error_208
SELECT * FROM dbo.Missing
--! 208, level 16, state 1: Invalid object name 'dbo.Missing'.
INSERT INTO Missing VALUES (1)
--! 208, level 16, state 1: Invalid object name 'Missing'.

--# an_unknown_column_is_error_207
CREATE TABLE #c (Id int); SELECT 1
--= 1
SELECT Nope FROM #c
--! 207, level 16, state 1: Invalid column name 'Nope'.
INSERT INTO #c (Nope) VALUES (1)
--! 207, level 16, state 1: Invalid column name 'Nope'.
UPDATE #c SET Nope = 1
--! 207, level 16, state 1: Invalid column name 'Nope'.

--# a_column_of_two_tables_is_ambiguous
SELECT Id FROM (VALUES (1)) AS a (Id) INNER JOIN (VALUES (1)) AS b (Id) ON a.Id = b.Id
--! 209, level 16, state 1: Ambiguous column name 'Id'.

--# an_unknown_prefix_is_error_4104
SELECT x.Id FROM (VALUES (1)) AS a (Id)
--! 4104, level 16, state 1: The multi-part identifier "x.Id" could not be bound.

--# an_alias_hides_the_name_of_the_table
CREATE TABLE dbo.Hidden (Id int)
--ok
SELECT Hidden.Id FROM dbo.Hidden AS h
--! 4104, level 16, state 1: The multi-part identifier "Hidden.Id" could not be bound.
SELECT h.Id, dbo.Hidden.Id FROM dbo.Hidden AS h, dbo.Hidden
--: Id int | Id int

--# an_alias_stands_once
SELECT 1 FROM (VALUES (1)) AS a (x), (VALUES (2)) AS a (y)
--! 1011, level 16, state 1: The correlation name 'a' is specified multiple times in a FROM clause.

--# a_table_without_alias_stands_once
CREATE TABLE dbo.Twice (Id int)
--ok
SELECT 1 FROM dbo.Twice, dbo.Twice
--! 1013, level 16, state 1: The objects "dbo.Twice" and "dbo.Twice" in the FROM clause have the same exposed names. Use correlation names to distinguish them.

--# a_star_of_an_unknown_table_is_error_107
SELECT x.* FROM (VALUES (1)) AS a (Id)
--! 107, level 15, state 1: The column prefix 'x' does not match with a table name or alias name used in the query.

--# columns_are_named_in_three_ways
SELECT 1 AS a, 2 b, c = 3, 4 AS [d e], 5 AS 'f'
--: a int | b int | c int | d e int | f int
--= 1 | 2 | 3 | 4 | 5

--# names_of_three_parts_name_this_database
CREATE TABLE dbo.Three (Id int); INSERT INTO dbo.Three VALUES (1); DECLARE @sql nvarchar(200) = N'SELECT Id FROM ' + DB_NAME() + N'.dbo.Three; SELECT Id FROM ' + DB_NAME() + N'..Three'; EXEC (@sql)
--= 1
--: *
--= 1

--# a_query_without_names_has_none
SELECT 1, 2 AS x, 3
--: int | x int | int
--= 1 | 2 | 3

--# a_column_keeps_the_name_it_was_asked_by
SELECT t.vaLue FROM (SELECT 1 AS Value) AS t
--= 1
