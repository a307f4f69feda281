-- IDENTITY columns. Sources: "IDENTITY (Property)", "SCOPE_IDENTITY", "@@IDENTITY", errors 544, 8102 and 2744.

--# identities_begin_at_the_seed
CREATE TABLE #a (Id int IDENTITY(5, 5), v int); INSERT INTO #a (v) VALUES (1), (2); SELECT Id FROM #a ORDER BY Id
--: Id int
--= 5
--= 10

--# scope_identity_is_numeric
CREATE TABLE #a (Id bigint IDENTITY, v int); INSERT INTO #a (v) VALUES (1), (2); SELECT SCOPE_IDENTITY(), @@IDENTITY
--: decimal(38,0) | decimal(38,0)
--= 2 | 2

--# without_an_insert_there_is_no_identity
SELECT SCOPE_IDENTITY()
--= NULL

--# scope_identity_is_that_of_the_own_scope
CREATE TABLE dbo.Id1 (Id int IDENTITY, v int); EXEC (N'INSERT INTO dbo.Id1 (v) VALUES (1)'); SELECT SCOPE_IDENTITY(), @@IDENTITY
--= NULL | 1

--# identities_follow_the_order_of_the_query
CREATE TABLE dbo.Id2 (Id int IDENTITY, v int); INSERT INTO dbo.Id2 (v) SELECT x.v FROM (VALUES (30), (10), (20)) AS x (v) ORDER BY x.v; SELECT Id, v FROM dbo.Id2 ORDER BY Id
--= 1 | 10
--= 2 | 20
--= 3 | 30

--# a_rollback_does_not_give_identities_back
CREATE TABLE dbo.Id3 (Id int IDENTITY, v int); BEGIN TRAN; INSERT INTO dbo.Id3 (v) VALUES (1); ROLLBACK; INSERT INTO dbo.Id3 (v) VALUES (2); SELECT Id FROM dbo.Id3
--= 2

--# a_failed_insert_uses_an_identity
CREATE TABLE dbo.Id4 (Id int IDENTITY, v int NOT NULL UNIQUE); INSERT INTO dbo.Id4 (v) VALUES (1); INSERT INTO dbo.Id4 (v) VALUES (1); INSERT INTO dbo.Id4 (v) VALUES (2); SELECT Id FROM dbo.Id4 ORDER BY Id
--! 2627
--= 1
--= 3

--# an_identity_is_not_given_by_hand
CREATE TABLE dbo.Id5 (Id int IDENTITY, v int)
--ok
INSERT INTO dbo.Id5 (Id, v) VALUES (1, 1)
--! 544, level 16, state 1: Cannot insert explicit value for identity column in table 'Id5' when IDENTITY_INSERT is set to OFF.
UPDATE dbo.Id5 SET Id = 2
--! 8102, level 16, state 1: Cannot update identity column 'Id'.

--# delete_leaves_the_counter
CREATE TABLE #d (Id int IDENTITY, v int); INSERT INTO #d (v) VALUES (1), (2); DELETE FROM #d; INSERT INTO #d (v) VALUES (3); SELECT Id FROM #d
--= 3

--# identities_may_fall
CREATE TABLE #f (Id int IDENTITY(-1, -1), v int); INSERT INTO #f (v) VALUES (1), (2); SELECT Id FROM #f ORDER BY Id
--= -2
--= -1

--# an_identity_that_overflows_is_error_8115
CREATE TABLE #o (Id tinyint IDENTITY(255, 1), v int); INSERT INTO #o (v) VALUES (1); INSERT INTO #o (v) VALUES (2)
--! 8115, level 16, state 1: Arithmetic overflow error converting IDENTITY to data type tinyint.

--# a_table_has_one_identity
CREATE TABLE #t (a int IDENTITY, b int IDENTITY)
--! 2744, level 16, state 2: Multiple identity columns specified for table '#t'. Only one identity column per table is allowed.

--# an_identity_is_an_integer
CREATE TABLE #t (a nvarchar(5) IDENTITY)
--! 2749, level 16, state 2

--# an_identity_may_be_numeric_without_decimals
CREATE TABLE #n (Id decimal(10,0) IDENTITY(3, 1), v int); INSERT INTO #n (v) VALUES (1), (2); SELECT Id FROM #n ORDER BY Id
--: Id decimal(10,0)
--= 3
--= 4

--# identity_insert_takes_values_by_hand
CREATE TABLE dbo.Id6 (Id int IDENTITY, v int); SET IDENTITY_INSERT dbo.Id6 ON; INSERT INTO dbo.Id6 (Id, v) VALUES (10, 1); SET IDENTITY_INSERT dbo.Id6 OFF; INSERT INTO dbo.Id6 (v) VALUES (2); SELECT Id FROM dbo.Id6 ORDER BY Id
--= 10
--= 11
