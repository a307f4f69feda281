-- CREATE, ALTER and DROP of tables, indexes and schemas. Sources: "CREATE TABLE", "ALTER TABLE", "DROP TABLE", "CREATE
-- INDEX", "CREATE SCHEMA", errors 1913, 2714, 2705, 3701, 3726, 4712, 4901, 4922 and 4924.

--# a_name_is_taken_once
CREATE TABLE dbo.T1 (Id int)
--ok
CREATE TABLE dbo.T1 (Id int)
--! 2714, level 16, state 6: There is already an object named 'T1' in the database.

--# a_column_is_named_once
CREATE TABLE dbo.T2 (a int, A int)
--! 2705, level 16, state 3: Column names in each table must be unique. Column name 'A' in table 'dbo.T2' is specified more than once.

--# drop_of_a_missing_table_is_error_3701
DROP TABLE dbo.Missing
--! 3701, level 11, state 5: Cannot drop the table 'dbo.Missing', because it does not exist or you do not have permission.
DROP TABLE IF EXISTS dbo.Missing
--ok

--# a_referenced_table_stays
CREATE TABLE dbo.T3 (Id int NOT NULL PRIMARY KEY); CREATE TABLE dbo.T4 (Id int REFERENCES dbo.T3 (Id))
--ok
DROP TABLE dbo.T3
--! 3726, level 16, state 1: Could not drop object 'dbo.T3' because it is referenced by a FOREIGN KEY constraint.
TRUNCATE TABLE dbo.T3
--! 4712, level 16, state 1: Cannot truncate table 'dbo.T3' because it is being referenced by a FOREIGN KEY constraint.
DROP TABLE dbo.T4, dbo.T3; SELECT OBJECT_ID(N'dbo.T3')
--= NULL

--# columns_are_added
CREATE TABLE dbo.T5 (Id int); INSERT INTO dbo.T5 VALUES (1)
--ok
ALTER TABLE dbo.T5 ADD v int NULL, w int NOT NULL CONSTRAINT DF_T5 DEFAULT 5
--ok
SELECT Id, v, w FROM dbo.T5
--: Id int | v int | w int
--= 1 | NULL | 5

--# a_required_column_needs_a_default
CREATE TABLE dbo.T6 (Id int); INSERT INTO dbo.T6 VALUES (1)
--ok
ALTER TABLE dbo.T6 ADD v int NOT NULL
--! 4901, level 16, state 1: ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column being added is an identity or timestamp column, or alternatively if none of the previous conditions are satisfied the table must be empty to allow addition of this column. Column 'v' cannot be added to non-empty table 'T6' because it does not satisfy these conditions.

--# columns_are_dropped
CREATE TABLE dbo.T7 (Id int, v int, w int); INSERT INTO dbo.T7 VALUES (1, 2, 3); ALTER TABLE dbo.T7 DROP COLUMN v
--ok
SELECT * FROM dbo.T7
--: Id int | w int
--= 1 | 3
ALTER TABLE dbo.T7 DROP COLUMN nope
--! 4924, level 16, state 1: ALTER TABLE DROP COLUMN failed because column 'nope' does not exist in table 'T7'.

--# a_column_in_use_is_not_dropped
CREATE TABLE dbo.T8 (Id int, v int); CREATE INDEX IX_T8 ON dbo.T8 (v)
--ok
ALTER TABLE dbo.T8 DROP COLUMN v
--! 5074, level 16, state 1: The index 'IX_T8' is dependent on column 'v'.
--! 4922, level 16, state 9: ALTER TABLE DROP COLUMN v failed because one or more objects access this column.

--# a_column_changes_its_type
CREATE TABLE dbo.T9 (Id int NULL, v nvarchar(3) NULL, d decimal(5,2) NULL); INSERT INTO dbo.T9 VALUES (1, N'abc', 1.5)
--ok
ALTER TABLE dbo.T9 ALTER COLUMN Id bigint NOT NULL
--ok
ALTER TABLE dbo.T9 ALTER COLUMN v nvarchar(10) NULL
--ok
ALTER TABLE dbo.T9 ALTER COLUMN d decimal(9,3) NULL
--ok
INSERT INTO dbo.T9 VALUES (9223372036854775807, N'abcdef', 123456.789); SELECT * FROM dbo.T9 ORDER BY Id
--: Id bigint | v nvarchar(10) | d decimal(9,3)
--= 1 | 'abc' | 1.500
--= 9223372036854775807 | 'abcdef' | 123456.789

--# a_column_changes_to_another_kind_of_type
CREATE TABLE dbo.T10 (v int NULL); INSERT INTO dbo.T10 VALUES (5), (NULL); ALTER TABLE dbo.T10 ALTER COLUMN v nvarchar(10) NULL
--ok
SELECT v FROM dbo.T10 ORDER BY v
--: v nvarchar(10)
--= NULL
--= '5'
ALTER TABLE dbo.T10 ALTER COLUMN v date NULL
--! 241
SELECT v FROM dbo.T10 ORDER BY v
--: v nvarchar(10)
--= NULL
--= '5'

--# a_column_shrinks_if_its_values_fit
CREATE TABLE dbo.T11 (v nvarchar(10) NULL); INSERT INTO dbo.T11 VALUES (N'abc'); ALTER TABLE dbo.T11 ALTER COLUMN v nvarchar(3) NULL
--ok
ALTER TABLE dbo.T11 ALTER COLUMN v nvarchar(2) NULL
--! 2628, level 16

--# a_column_with_nulls_stays_nullable
CREATE TABLE dbo.T12 (v int NULL); INSERT INTO dbo.T12 VALUES (NULL)
--ok
ALTER TABLE dbo.T12 ALTER COLUMN v int NOT NULL
--! 515, level 16, state 2

--# constraints_are_added_and_dropped
CREATE TABLE dbo.T13 (Id int NOT NULL, v int NULL); ALTER TABLE dbo.T13 ADD CONSTRAINT PK_T13 PRIMARY KEY (Id); ALTER TABLE dbo.T13 ADD CONSTRAINT CK_T13 CHECK (v > 0); ALTER TABLE dbo.T13 ADD CONSTRAINT DF_T13 DEFAULT 7 FOR v
--ok
INSERT INTO dbo.T13 (Id) VALUES (1); SELECT v FROM dbo.T13; INSERT INTO dbo.T13 VALUES (2, 0)
--= 7
--! 547
ALTER TABLE dbo.T13 DROP CONSTRAINT CK_T13
--ok
INSERT INTO dbo.T13 VALUES (2, 0); SELECT COUNT(*) FROM dbo.T13
--= 2

--# a_check_must_hold_for_the_rows_that_are_there
CREATE TABLE dbo.T14 (v int); INSERT INTO dbo.T14 VALUES (-1)
--ok
ALTER TABLE dbo.T14 ADD CONSTRAINT CK_T14 CHECK (v > 0)
--! 547, level 16, state 0: The ALTER TABLE statement conflicted with the CHECK constraint "CK_T14". The conflict occurred in database "*", table "dbo.T14", column 'v'.

--# a_foreign_key_needs_a_key
CREATE TABLE dbo.T15 (Id int); CREATE TABLE dbo.T16 (Id int REFERENCES dbo.T15 (Id))
--! 1776, level 16, state 0
--! 1750, level 16: Could not create constraint or index. See previous errors.

--# indexes_are_created_and_dropped
CREATE TABLE dbo.T17 (a int, b int, c int); CREATE INDEX IX_T17 ON dbo.T17 (a, b DESC) INCLUDE (c)
--ok
CREATE INDEX IX_T17 ON dbo.T17 (b)
--! 1913, level 16, state 1: The operation failed because an index or statistics with name 'IX_T17' already exists on table 'dbo.T17'.
DROP INDEX IX_T17 ON dbo.T17; DROP INDEX IF EXISTS IX_T17 ON dbo.T17
--ok
DROP INDEX IX_T17 ON dbo.T17
--! 3701, level 11, state 7: Cannot drop the index 'dbo.T17.IX_T17', because it does not exist or you do not have permission.

--# a_unique_index_needs_unique_rows
CREATE TABLE dbo.T18 (a int); INSERT INTO dbo.T18 VALUES (4), (4)
--ok
CREATE UNIQUE INDEX IX_T18 ON dbo.T18 (a)
--! 1505, level 16, state 1: The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name 'dbo.T18' and the index name 'IX_T18'. The duplicate key value is (4).

--# an_index_on_an_unknown_column_is_error_1911
CREATE TABLE dbo.T19 (a int)
--ok
CREATE INDEX IX_T19 ON dbo.T19 (nope)
--! 1911, level 16, state 1: Column name 'nope' does not exist in the target table or view.

--# temporary_tables_belong_to_their_connection
CREATE TABLE #t (Id int NOT NULL PRIMARY KEY, v nvarchar(5) DEFAULT N'x')
--ok
INSERT INTO #t (Id) VALUES (1); SELECT Id, v FROM #t; DROP TABLE #t; SELECT OBJECT_ID(N'tempdb..#t')
--= 1 | 'x'
--: *
--= NULL

--# a_temporary_table_of_an_executed_text_ends_with_it
EXEC (N'CREATE TABLE #inner (Id int); INSERT INTO #inner VALUES (1)'); SELECT * FROM #inner
--! 208, level 16, state 0: Invalid object name '#inner'.

--# a_schema_with_tables_stays
CREATE SCHEMA Full1
--ok
CREATE TABLE Full1.T (Id int)
--ok
DROP SCHEMA Full1
--! 3729, level 16, state 1: Cannot drop schema 'Full1' because it is being referenced by object 'T'.

--# alter_of_a_missing_table_is_error_4902
ALTER TABLE dbo.Missing ADD v int
--! 4902, level 16, state 1: Cannot find the object "dbo.Missing" because it does not exist or you do not have permissions.

--# batches_may_use_what_they_make
CREATE TABLE dbo.T20 (Id int); INSERT INTO dbo.T20 VALUES (1); SELECT Id FROM dbo.T20; DROP TABLE dbo.T20
--= 1
