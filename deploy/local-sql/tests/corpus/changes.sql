-- INSERT, UPDATE and DELETE with OUTPUT, FROM, joins, TOP. Sources: "INSERT", "UPDATE", "DELETE", "OUTPUT clause", "TOP",
-- "TRUNCATE TABLE", errors 109, 110, 120, 121, 213, 264.

--# insert_of_several_rows_counts_them
CREATE TABLE #a (Id int, v nvarchar(5)); INSERT INTO #a (Id, v) VALUES (1, N'a'), (2, N'b')
--n 2
INSERT #a VALUES (3, N'c'); SELECT Id, v FROM #a ORDER BY Id
--= 1 | 'a'
--= 2 | 'b'
--= 3 | 'c'

--# too_few_or_too_many_values_are_refused
CREATE TABLE #w (a int, b int); SELECT 1
--= 1
INSERT INTO #w (a, b) VALUES (1)
--! 109, level 15, state 1: There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.
INSERT INTO #w (a) VALUES (1, 2)
--! 110, level 15, state 1: There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.
INSERT INTO #w VALUES (1)
--! 213, level 16, state 1: Column name or number of supplied values does not match table definition.
INSERT INTO #w (a, b) SELECT 1
--! 120, level 15, state 1: The select list for the INSERT statement contains fewer items than the insert list. The number of SELECT values must match the number of INSERT columns.
INSERT INTO #w (a) SELECT 1, 2
--! 121, level 15, state 1: The select list for the INSERT statement contains more items than the insert list. The number of SELECT values must match the number of INSERT columns.

--# rows_of_values_are_equally_long
SELECT * FROM (VALUES (1, 2), (3)) AS t (a, b)
--! 10709, level 16, state 1: The number of columns for each row in a table value constructor must be the same.

--# a_column_is_listed_once
CREATE TABLE #l (a int); SELECT 1
--= 1
INSERT INTO #l (a, a) VALUES (1, 2)
--! 264, level 16, state 1
UPDATE #l SET a = 1, a = 2
--! 264, level 16, state 1

--# output_returns_what_was_inserted
CREATE TABLE #o (Id int IDENTITY(10, 5), v int, d int NOT NULL DEFAULT 3); INSERT INTO #o (v) OUTPUT inserted.Id, inserted.v * 2 AS twice, inserted.d VALUES (1), (2)
--: Id int | twice int | d int
--= 10 | 2 | 3
--= 15 | 4 | 3

--# output_returns_old_and_new
CREATE TABLE #u (Id int, v int); INSERT INTO #u VALUES (1, 10), (2, 20); UPDATE #u SET v = v + 1 OUTPUT deleted.v AS old, inserted.v AS new WHERE Id = 1
--: old int | new int
--= 10 | 11

--# output_returns_what_was_deleted
CREATE TABLE #x (Id int, v int); INSERT INTO #x VALUES (1, 10), (2, 20); DELETE FROM #x OUTPUT deleted.Id, deleted.v WHERE Id = 2; SELECT COUNT(*) FROM #x
--: Id int | v int
--= 2 | 20
--: *
--= 1

--# output_into_fills_a_table
DECLARE @log TABLE (Id int, What nvarchar(5)); CREATE TABLE #i (Id int); INSERT INTO #i OUTPUT inserted.Id, N'new' INTO @log VALUES (1), (2); DELETE FROM #i OUTPUT deleted.Id, N'gone' INTO @log (Id, What) WHERE Id = 1; SELECT Id, What FROM @log ORDER BY What, Id
--= 1 | 'gone'
--= 1 | 'new'
--= 2 | 'new'

--# output_star_is_the_whole_row
CREATE TABLE #s (a int, b int); INSERT INTO #s OUTPUT inserted.* VALUES (1, 2)
--: a int | b int
--= 1 | 2

--# update_from_takes_values_of_other_tables
CREATE TABLE #t (Id int, v int); CREATE TABLE #y (Id int, v int); INSERT INTO #t VALUES (1, 0), (2, 0), (3, 0); INSERT INTO #y VALUES (1, 100), (3, 300); UPDATE t SET t.v = y.v FROM #t AS t INNER JOIN #y AS y ON y.Id = t.Id; SELECT @@ROWCOUNT; SELECT Id, v FROM #t ORDER BY Id
--= 2
--: *
--= 1 | 100
--= 2 | 0
--= 3 | 300

--# update_without_alias_takes_from_too
CREATE TABLE #t (Id int, v int); INSERT INTO #t VALUES (1, 0); UPDATE #t SET v = x.v FROM (VALUES (1, 7)) AS x (Id, v) WHERE #t.Id = x.Id; SELECT v FROM #t
--= 7

--# assignments_see_the_old_values
CREATE TABLE #v (a int, b int); INSERT INTO #v VALUES (1, 2); UPDATE #v SET a = b, b = a; SELECT a, b FROM #v
--= 2 | 1

--# update_sets_variables
CREATE TABLE #v (a int); INSERT INTO #v VALUES (1); DECLARE @x int, @y int; UPDATE #v SET @x = a, a = 5, @y = a + 1; SELECT @x, @y, a FROM #v
--= 1 | 2 | 5

--# update_sets_a_column_and_a_variable_at_once
CREATE TABLE #v (a int); INSERT INTO #v VALUES (1); DECLARE @x int; UPDATE #v SET @x = a = a + 10; SELECT @x, a FROM #v
--= 11 | 11

--# delete_from_a_join
CREATE TABLE #t (Id int); CREATE TABLE #y (Id int); INSERT INTO #t VALUES (1), (2), (3); INSERT INTO #y VALUES (2), (3); DELETE FROM t FROM #t AS t INNER JOIN #y AS y ON y.Id = t.Id; SELECT Id FROM #t
--= 1

--# delete_with_an_alias
CREATE TABLE #t (Id int); INSERT INTO #t VALUES (1), (2); DELETE t FROM #t AS t WHERE t.Id = 1; SELECT Id FROM #t
--= 2

--# delete_where_exists
CREATE TABLE #t (Id int); CREATE TABLE #y (Id int); INSERT INTO #t VALUES (1), (2); INSERT INTO #y VALUES (1); DELETE FROM #t WHERE NOT EXISTS (SELECT 1 FROM #y AS y WHERE y.Id = #t.Id); SELECT Id FROM #t
--= 1

--# top_limits_a_change
CREATE TABLE #t (Id int); INSERT INTO #t VALUES (1), (2), (3); UPDATE TOP (2) #t SET Id = Id + 10; SELECT @@ROWCOUNT; DELETE TOP (1) FROM #t; SELECT @@ROWCOUNT; SELECT COUNT(*) FROM #t
--= 2
--: *
--= 1
--: *
--= 2

--# a_statement_does_not_see_its_own_changes
CREATE TABLE #t (Id int); INSERT INTO #t VALUES (1), (2); INSERT INTO #t SELECT Id + 10 FROM #t; SELECT COUNT(*) FROM #t
--= 4

--# insert_from_a_query_with_a_cte
CREATE TABLE #t (Id int); WITH c AS (SELECT 1 AS Id UNION ALL SELECT 2) INSERT INTO #t (Id) SELECT Id FROM c; SELECT COUNT(*) FROM #t
--= 2

--# delete_with_a_cte_beside_it
CREATE TABLE #t (Id int); INSERT INTO #t VALUES (1), (2), (3); WITH old AS (SELECT 2 AS Id) DELETE FROM t FROM #t AS t INNER JOIN old AS o ON o.Id = t.Id; SELECT COUNT(*) FROM #t
--= 2

--# truncate_empties_a_table
CREATE TABLE dbo.Tr (Id int IDENTITY, v int); INSERT INTO dbo.Tr (v) VALUES (1), (2); TRUNCATE TABLE dbo.Tr; INSERT INTO dbo.Tr (v) OUTPUT inserted.Id AS Id VALUES (3)
--: Id int
--= 1

--# the_claim_of_a_queue_takes_each_row_once
CREATE TABLE dbo.Queue (Id int NOT NULL PRIMARY KEY, TakenBy int NULL); INSERT INTO dbo.Queue (Id) VALUES (1), (2), (3)
--ok
DECLARE @mine TABLE (Id int); UPDATE TOP (2) q SET q.TakenBy = 7 OUTPUT inserted.Id INTO @mine FROM dbo.Queue AS q WITH (READPAST, UPDLOCK, ROWLOCK) WHERE q.TakenBy IS NULL; SELECT COUNT(*) FROM @mine; SELECT COUNT(*) FROM dbo.Queue WHERE TakenBy IS NULL
--= 2
--: *
--= 1

--# an_upsert_without_merge
CREATE TABLE dbo.Up (Id int NOT NULL PRIMARY KEY, v int); DECLARE @i int = 0; WHILE @i < 2 BEGIN UPDATE dbo.Up SET v = v + 1 WHERE Id = 1; INSERT INTO dbo.Up (Id, v) SELECT 1, 10 WHERE NOT EXISTS (SELECT 1 FROM dbo.Up WITH (UPDLOCK, HOLDLOCK) WHERE Id = 1); SET @i += 1 END; SELECT Id, v FROM dbo.Up
--= 1 | 11

--# no_rows_is_no_error
CREATE TABLE #t (Id int); UPDATE #t SET Id = 1; SELECT @@ROWCOUNT; DELETE FROM #t; SELECT @@ROWCOUNT; INSERT INTO #t SELECT 1 WHERE 1 = 0; SELECT @@ROWCOUNT
--= 0
--: *
--= 0
--: *
--= 0
