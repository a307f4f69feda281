-- What the server tells of itself and of its objects. Sources: "OBJECT_ID", "SCHEMA_ID", "COL_LENGTH", "DB_NAME",
-- "SERVERPROPERTY", "DATABASEPROPERTYEX", "SESSIONPROPERTY", the catalog views.

--# object_id_finds_tables
CREATE TABLE dbo.M1 (Id int); SELECT CASE WHEN OBJECT_ID(N'dbo.M1') IS NULL THEN 0 ELSE 1 END, CASE WHEN OBJECT_ID(N'[dbo].[m1]', N'U') IS NULL THEN 0 ELSE 1 END, OBJECT_ID(N'dbo.M1', N'V'), OBJECT_ID(N'dbo.Nope'), OBJECT_ID(N'M1') - OBJECT_ID(N'dbo.M1')
--: int | int | int | int | int
--= 1 | 1 | NULL | NULL | 0

--# object_id_finds_temporary_tables
CREATE TABLE #m (Id int); SELECT CASE WHEN OBJECT_ID(N'tempdb..#m') IS NULL THEN 0 ELSE 1 END
--= 1

--# schema_id_finds_schemas
SELECT SCHEMA_ID(N'dbo'), SCHEMA_ID(), SCHEMA_ID(N'nope')
--: int | int | int
--= 1 | 1 | NULL

--# col_length_is_in_bytes
CREATE TABLE dbo.M2 (a int, b nvarchar(10), c varchar(max), d decimal(20,2)); SELECT COL_LENGTH(N'dbo.M2', N'a'), COL_LENGTH(N'dbo.M2', N'b'), COL_LENGTH(N'dbo.M2', N'c'), COL_LENGTH(N'dbo.M2', N'd'), COL_LENGTH(N'dbo.M2', N'nope')
--: smallint | smallint | smallint | smallint | smallint
--= 4 | 20 | -1 | 13 | NULL

--# db_name_is_this_database
SELECT CASE WHEN DB_NAME() LIKE 'Corpus%' THEN 1 ELSE 0 END, CASE WHEN DB_ID() = DB_ID(DB_NAME()) THEN 1 ELSE 0 END, DB_ID(N'no such database')
--= 1 | 1 | NULL

--# the_database_can_be_written
SELECT DATABASEPROPERTYEX(DB_NAME(), 'Updateability'), DATABASEPROPERTYEX(DB_NAME(), 'Status'), DATABASEPROPERTYEX(N'no such database', 'Status')
--= 'READ_WRITE' | 'ONLINE' | NULL

--# session_properties_are_those_of_a_driver
SELECT SESSIONPROPERTY('ANSI_NULLS'), SESSIONPROPERTY('QUOTED_IDENTIFIER'), SESSIONPROPERTY('ANSI_WARNINGS'), SESSIONPROPERTY('NUMERIC_ROUNDABORT'), SESSIONPROPERTY('NOPE')
--= 1 | 1 | 1 | 0 | NULL

--# the_version_can_be_compared
SELECT CASE WHEN CAST(SERVERPROPERTY('ProductMajorVersion') AS int) >= 12 THEN 1 ELSE 0 END, SERVERPROPERTY('nope')
--= 1 | NULL

--# sys_tables_lists_tables
CREATE TABLE dbo.M3 (Id int); SELECT t.name, s.name AS [schema] FROM sys.tables AS t INNER JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE t.name = N'M3'; SELECT name FROM sys.objects WHERE object_id = OBJECT_ID(N'dbo.M3') AND type = 'U'
--: name nvarchar(128) | schema nvarchar(128)
--= 'M3' | 'dbo'
--: name nvarchar(128)
--= 'M3'

--# sys_columns_lists_columns
CREATE TABLE dbo.M4 (Id int IDENTITY NOT NULL, v nvarchar(7) NULL); SELECT name, column_id, max_length, is_nullable, is_identity FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.M4') ORDER BY column_id
--: name nvarchar(128) | column_id int | max_length smallint | is_nullable bit | is_identity bit
--= 'Id' | 1 | 4 | 0 | 1
--= 'v' | 2 | 14 | 1 | 0

--# sys_indexes_lists_keys_and_indexes
CREATE TABLE dbo.M5 (Id int NOT NULL CONSTRAINT PK_M5 PRIMARY KEY, v int); CREATE INDEX IX_M5 ON dbo.M5 (v) WHERE v IS NOT NULL; SELECT name, is_unique, is_primary_key, has_filter FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.M5') ORDER BY name
--= 'IX_M5' | 0 | 0 | 1
--= 'PK_M5' | 1 | 1 | 0

--# information_schema_lists_columns
CREATE TABLE dbo.M6 (Id int NOT NULL, v nvarchar(7) NULL, d decimal(9,2) NULL); SELECT TABLE_SCHEMA, COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = N'M6' ORDER BY ORDINAL_POSITION
--= 'dbo' | 'Id' | 1 | 'NO' | 'int' | NULL
--= 'dbo' | 'v' | 2 | 'YES' | 'nvarchar' | 7
--= 'dbo' | 'd' | 3 | 'YES' | 'decimal' | NULL

--# names_of_the_session
SELECT SUSER_SNAME(), CASE WHEN @@SPID > 0 THEN 1 ELSE 0 END, @@TRANCOUNT, @@ERROR, @@LOCK_TIMEOUT
--= 'sa' | 1 | 0 | 0 | -1

--# use_changes_the_database
DECLARE @db nvarchar(128) = DB_NAME(); USE master; SELECT DB_NAME()
--= 'master'

--# an_unknown_database_is_error_911
USE nosuchdatabase
--! 911, level 16, state 1: Database 'nosuchdatabase' does not exist. Make sure that the name is entered correctly.
