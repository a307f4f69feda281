-- Columns of every type, with and without values. Source: "Data types".

--# numbers_and_nulls_in_columns
CREATE TABLE #n (a bit NULL, b tinyint NULL, c smallint NULL, d int NULL, e bigint NULL, f real NULL, g float NULL); INSERT INTO #n VALUES (1, 255, -32768, -2147483648, 9223372036854775807, 0.5, 1.5e300), (NULL, NULL, NULL, NULL, NULL, NULL, NULL); SELECT * FROM #n
--: a bit | b tinyint | c smallint | d int | e bigint | f real | g float
--= 1 | 255 | -32768 | -2147483648 | 9223372036854775807 | 0.5 | 1500000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
--= NULL | NULL | NULL | NULL | NULL | NULL | NULL

--# decimals_and_money_in_columns
CREATE TABLE #d (a decimal(9,2) NULL, b decimal(19,0) NULL, c decimal(28,10) NULL, d numeric(38,38) NULL, e money NULL, f smallmoney NULL); INSERT INTO #d VALUES (-1234567.89, 9999999999999999999, 1.0000000001, 0.12345678901234567890123456789012345678, -922337203685477.5808, 214748.3647), (NULL, NULL, NULL, NULL, NULL, NULL); SELECT * FROM #d
--: a decimal(9,2) | b decimal(19,0) | c decimal(28,10) | d decimal(38,38) | e money | f smallmoney
--= -1234567.89 | 9999999999999999999 | 1.0000000001 | 0.12345678901234567890123456789012345678 | -922337203685477.5808 | 214748.3647
--= NULL | NULL | NULL | NULL | NULL | NULL

--# strings_in_columns
CREATE TABLE #s (a char(3) NULL, b varchar(5) NULL, c varchar(max) NULL, d nchar(2) NULL, e nvarchar(5) NULL, f nvarchar(max) NULL); INSERT INTO #s VALUES ('a', 'naïve', '', N'ä', N'😀x', N'Grüße'), (NULL, NULL, NULL, NULL, NULL, NULL); SELECT * FROM #s
--: a char(3) | b varchar(5) | c varchar(max) | d nchar(2) | e nvarchar(5) | f nvarchar(max)
--= 'a  ' | 'naïve' | '' | 'ä ' | '😀x' | 'Grüße'
--= NULL | NULL | NULL | NULL | NULL | NULL

--# binaries_and_guids_in_columns
CREATE TABLE #b (a binary(3) NULL, b varbinary(4) NULL, c varbinary(max) NULL, d uniqueidentifier NULL); INSERT INTO #b VALUES (0x01, 0x, 0x0102, '6F9619FF-8B86-D011-B42D-00C04FC964FF'), (NULL, NULL, NULL, NULL); SELECT * FROM #b
--: a binary(3) | b varbinary(4) | c varbinary(max) | d uniqueidentifier
--= 0x010000 | 0x | 0x0102 | 6F9619FF-8B86-D011-B42D-00C04FC964FF
--= NULL | NULL | NULL | NULL

--# dates_and_times_in_columns
CREATE TABLE #t (a date NULL, b time(3) NULL, c smalldatetime NULL, d datetime NULL, e datetime2(7) NULL, f datetimeoffset(2) NULL); INSERT INTO #t VALUES ('0001-01-01', '23:59:59.999', '2079-06-06 23:59', '9999-12-31T23:59:59.997', '9999-12-31 23:59:59.9999999', '2024-01-01 00:00:00.25 -14:00'), (NULL, NULL, NULL, NULL, NULL, NULL); SELECT * FROM #t
--: a date | b time(3) | c smalldatetime | d datetime | e datetime2(7) | f datetimeoffset(2)
--= 0001-01-01 | 23:59:59.999 | 2079-06-06 23:59 | 9999-12-31 23:59:59.997 | 9999-12-31 23:59:59.9999999 | 2024-01-01 00:00:00.25 -14:00
--= NULL | NULL | NULL | NULL | NULL | NULL

--# every_type_goes_through_a_variable
DECLARE @a decimal(10,3) = 1.5, @b money = 2, @c datetimeoffset(0) = '2024-01-01 12:00 +01:00', @d varbinary(8) = 0x01, @e bit = 'true', @f time(1) = '12:00:00.25', @g nvarchar(max) = N'x'; SELECT @a, @b, @c, @d, @e, @f, @g
--: decimal(10,3) | money | datetimeoffset(0) | varbinary(8) | bit | time(1) | nvarchar(max)
--= 1.500 | 2.0000 | 2024-01-01 12:00:00 +01:00 | 0x01 | 1 | 12:00:00.3 | 'x'

--# literals_have_types
SELECT 1, 1.5, 1e0, 'a', N'a', 0x01, NULL
--: int | decimal(2,1) | float | varchar(1) | nvarchar(1) | varbinary(1) | int
--= 1 | 1.5 | 1 | 'a' | 'a' | 0x01 | NULL

--# an_unknown_type_is_error_2715
DECLARE @x nosuchtype
--! 2715, level 16: Column, parameter, or variable #1: Cannot find data type nosuchtype.
