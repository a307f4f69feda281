-- Keys, foreign keys, checks, NOT NULL, defaults: what is refused and in which words. Sources: errors 515, 547, 2601,
-- 2627, 3604 of sys.messages, "CREATE TABLE", "CREATE INDEX" (IGNORE_DUP_KEY, filtered indexes).

--# a_duplicate_primary_key_is_error_2627
CREATE TABLE dbo.K1 (Id int NOT NULL CONSTRAINT PK_K1 PRIMARY KEY); INSERT INTO dbo.K1 VALUES (7)
--ok
INSERT INTO dbo.K1 VALUES (7)
--! 2627, level 14, state 1: Violation of PRIMARY KEY constraint 'PK_K1'. Cannot insert duplicate key in object 'dbo.K1'. The duplicate key value is (7).

--# a_duplicate_of_several_columns_shows_them_all
CREATE TABLE dbo.K2 (A int NOT NULL, B nvarchar(10) NULL, CONSTRAINT UQ_K2 UNIQUE (A, B)); INSERT INTO dbo.K2 VALUES (1, N'x'), (1, NULL)
--ok
INSERT INTO dbo.K2 VALUES (1, N'X')
--! 2627, level 14, state 1: Violation of UNIQUE KEY constraint 'UQ_K2'. Cannot insert duplicate key in object 'dbo.K2'. The duplicate key value is (1, X).
INSERT INTO dbo.K2 VALUES (1, NULL)
--! 2627, level 14, state 1: Violation of UNIQUE KEY constraint 'UQ_K2'. Cannot insert duplicate key in object 'dbo.K2'. The duplicate key value is (1, <NULL>).

--# a_duplicate_in_a_unique_index_is_error_2601
CREATE TABLE dbo.K3 (Id int, Code nvarchar(10) NULL); CREATE UNIQUE INDEX IX_K3 ON dbo.K3 (Code); INSERT INTO dbo.K3 VALUES (1, N'a')
--ok
INSERT INTO dbo.K3 VALUES (2, N'A ')
--! 2601, level 14, state 1: Cannot insert duplicate key row in object 'dbo.K3' with unique index 'IX_K3'. The duplicate key value is (A ).

--# an_update_that_makes_a_duplicate_is_refused
CREATE TABLE dbo.K4 (Id int NOT NULL CONSTRAINT PK_K4 PRIMARY KEY); INSERT INTO dbo.K4 VALUES (1), (2)
--ok
UPDATE dbo.K4 SET Id = 1 WHERE Id = 2
--! 2627, level 14, state 1: Violation of PRIMARY KEY constraint 'PK_K4'. Cannot insert duplicate key in object 'dbo.K4'. The duplicate key value is (1).

--# keys_are_looked_at_when_the_statement_is_done
CREATE TABLE dbo.K5 (Id int NOT NULL PRIMARY KEY); INSERT INTO dbo.K5 VALUES (1), (2), (3); UPDATE dbo.K5 SET Id = Id + 1; SELECT Id FROM dbo.K5 ORDER BY Id
--= 2
--= 3
--= 4

--# a_unique_key_takes_one_null
CREATE TABLE #u (v int NULL UNIQUE); INSERT INTO #u VALUES (NULL); INSERT INTO #u VALUES (NULL)
--! 2627

--# a_filtered_unique_index_looks_at_its_rows_only
CREATE TABLE dbo.K6 (Id int, Code int NULL); CREATE UNIQUE INDEX IX_K6 ON dbo.K6 (Code) WHERE Code IS NOT NULL; INSERT INTO dbo.K6 VALUES (1, NULL), (2, NULL), (3, 5); INSERT INTO dbo.K6 VALUES (4, 5)
--! 2601, level 14: *The duplicate key value is (5).

--# ignore_dup_key_leaves_duplicates_out
CREATE TABLE dbo.K7 (Id int NOT NULL, CONSTRAINT PK_K7 PRIMARY KEY (Id) WITH (IGNORE_DUP_KEY = ON)); INSERT INTO dbo.K7 VALUES (1)
--ok
INSERT INTO dbo.K7 VALUES (1), (2), (2), (3)
--i 3604: Duplicate key was ignored.
--n 2
SELECT Id FROM dbo.K7 ORDER BY Id
--= 1
--= 2
--= 3

--# a_null_in_a_not_null_column_is_error_515
CREATE TABLE dbo.N1 (Id int NOT NULL, v int NULL)
--ok
INSERT INTO dbo.N1 (v) VALUES (1)
--! 515, level 16, state 2: Cannot insert the value NULL into column 'Id', table '*.dbo.N1'; column does not allow nulls. INSERT fails.
INSERT INTO dbo.N1 VALUES (1, 1); UPDATE dbo.N1 SET Id = NULL
--! 515, level 16, state 2: Cannot insert the value NULL into column 'Id', table '*.dbo.N1'; column does not allow nulls. UPDATE fails.

--# a_missing_parent_is_error_547
CREATE TABLE dbo.P1 (Id int NOT NULL PRIMARY KEY); CREATE TABLE dbo.C1 (ParentId int NULL CONSTRAINT FK_C1 REFERENCES dbo.P1 (Id)); INSERT INTO dbo.P1 VALUES (1); INSERT INTO dbo.C1 VALUES (1), (NULL)
--ok
INSERT INTO dbo.C1 VALUES (2)
--! 547, level 16, state 0: The INSERT statement conflicted with the FOREIGN KEY constraint "FK_C1". The conflict occurred in database "*", table "dbo.P1", column 'Id'.
UPDATE dbo.C1 SET ParentId = 3 WHERE ParentId = 1
--! 547, level 16, state 0: The UPDATE statement conflicted with the FOREIGN KEY constraint "FK_C1". The conflict occurred in database "*", table "dbo.P1", column 'Id'.
DELETE FROM dbo.P1
--! 547, level 16, state 0: The DELETE statement conflicted with the REFERENCE constraint "FK_C1". The conflict occurred in database "*", table "dbo.C1", column 'ParentId'.

--# a_cascade_deletes_children
CREATE TABLE dbo.P2 (Id int NOT NULL PRIMARY KEY); CREATE TABLE dbo.C2 (ParentId int NOT NULL REFERENCES dbo.P2 (Id) ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO dbo.P2 VALUES (1), (2); INSERT INTO dbo.C2 VALUES (1), (1), (2); DELETE FROM dbo.P2 WHERE Id = 1; UPDATE dbo.P2 SET Id = 5; SELECT ParentId FROM dbo.C2
--= 5

--# set_null_empties_children
CREATE TABLE dbo.P3 (Id int NOT NULL PRIMARY KEY); CREATE TABLE dbo.C3 (ParentId int NULL REFERENCES dbo.P3 (Id) ON DELETE SET NULL); INSERT INTO dbo.P3 VALUES (1); INSERT INTO dbo.C3 VALUES (1); DELETE FROM dbo.P3; SELECT ParentId FROM dbo.C3
--= NULL

--# a_table_may_refer_to_itself
CREATE TABLE dbo.P4 (Id int NOT NULL PRIMARY KEY, ParentId int NULL CONSTRAINT FK_P4 REFERENCES dbo.P4 (Id)); INSERT INTO dbo.P4 VALUES (1, NULL), (2, 1), (3, 3)
--ok
INSERT INTO dbo.P4 VALUES (4, 9)
--! 547

--# a_check_is_error_547
CREATE TABLE dbo.Ch1 (v int NULL CONSTRAINT CK_Ch1 CHECK (v > 0))
--ok
INSERT INTO dbo.Ch1 VALUES (0)
--! 547, level 16, state 0: The INSERT statement conflicted with the CHECK constraint "CK_Ch1". The conflict occurred in database "*", table "dbo.Ch1", column 'v'.
INSERT INTO dbo.Ch1 VALUES (1), (NULL); UPDATE dbo.Ch1 SET v = -1 WHERE v = 1
--! 547, level 16, state 0: The UPDATE statement conflicted with the CHECK constraint "CK_Ch1". The conflict occurred in database "*", table "dbo.Ch1", column 'v'.

--# a_check_of_two_columns_names_the_table
CREATE TABLE dbo.Ch2 (a int, b int, CONSTRAINT CK_Ch2 CHECK (a < b)); INSERT INTO dbo.Ch2 VALUES (2, 1)
--! 547, level 16, state 0: The INSERT statement conflicted with the CHECK constraint "CK_Ch2". The conflict occurred in database "*", table "dbo.Ch2".

--# defaults_are_taken_where_nothing_is_given
CREATE TABLE #d (a int NOT NULL DEFAULT 5, b nvarchar(5) NULL DEFAULT N'x', c int NULL); INSERT INTO #d DEFAULT VALUES; INSERT INTO #d (a, b) VALUES (DEFAULT, NULL); UPDATE #d SET c = a; UPDATE #d SET a = DEFAULT; SELECT a, b, c FROM #d
--= 5 | 'x' | 5
--= 5 | NULL | 5

--# a_table_has_one_primary_key
CREATE TABLE dbo.K8 (a int NOT NULL PRIMARY KEY, b int NOT NULL PRIMARY KEY)
--! 8110, level 16, state 0: Cannot add multiple PRIMARY KEY constraints to table 'dbo.K8'.

--# a_nullable_column_is_no_primary_key
CREATE TABLE dbo.K9 (a int NULL PRIMARY KEY)
--! 8111, level 16, state 1: Cannot define PRIMARY KEY constraint on nullable column in table 'K9'.
--! 1750, level 16: Could not create constraint or index. See previous errors.
