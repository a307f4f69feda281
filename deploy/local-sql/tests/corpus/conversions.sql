-- Conversion between types, asked for or not, and its errors. Sources: "CAST and CONVERT", "Data type conversion", "Data
-- type precedence", sys.messages.

--# text_becomes_an_integer
SELECT CAST(' 12 ' AS int), CAST('+5' AS int), CAST('-7' AS smallint), CAST('' AS int), CAST(N'9223372036854775807' AS bigint)
--: int | int | smallint | int | bigint
--= 12 | 5 | -7 | 0 | 9223372036854775807

--# text_that_is_no_integer_is_error_245
SELECT CAST('1.5' AS int)
--! 245, level 16, state 1: Conversion failed when converting the varchar value '1.5' to data type int.
SELECT CAST(N'x' AS smallint)
--! 245, level 16, state 1: Conversion failed when converting the nvarchar value 'x' to data type smallint.
SELECT CAST('maybe' AS bit)
--! 245, level 16, state 1: Conversion failed when converting the varchar value 'maybe' to data type bit.

--# text_that_is_no_bigint_is_error_8114
SELECT CAST('x' AS bigint)
--! 8114, level 16, state 5: Error converting data type varchar to bigint.

--# text_too_large_for_an_int_is_error_248
SELECT CAST('99999999999' AS int)
--! 248, level 16, state 1: The conversion of the varchar value '99999999999' overflowed an int column.

--# text_too_large_for_a_tinyint_is_error_244
SELECT CAST('300' AS tinyint)
--! 244, level 16: The conversion of the varchar value '300' overflowed an INT1 column. Use a larger integer column.
SELECT CAST('70000' AS smallint)
--! 244, level 16: The conversion of the varchar value '70000' overflowed an INT2 column. Use a larger integer column.

--# a_number_too_large_for_a_small_type_is_error_220
SELECT CAST(256 AS tinyint)
--! 220, level 16: Arithmetic overflow error for data type tinyint, value = 256.
SELECT CAST(-32769 AS smallint)
--! 220, level 16: Arithmetic overflow error for data type smallint, value = -32769.

--# a_bigint_too_large_for_an_int_is_error_8115
SELECT CAST(CAST(3000000000 AS bigint) AS int)
--! 8115, level 16, state 2: Arithmetic overflow error converting expression to data type int.

--# floats_are_cut
SELECT CAST(1.9e0 AS int), CAST(-1.9e0 AS bigint)
--= 1 | -1
SELECT CAST(3e9 AS int)
--! 232, level 16, state 3: Arithmetic overflow error for type int, value = 3000000000.000000.

--# text_becomes_a_float
SELECT CAST('1e3' AS float), CAST(' -2.5 ' AS float), CAST('.5' AS real)
--: float | float | real
--= 1000 | -2.5 | 0.5
SELECT CAST('x' AS float)
--! 8114, level 16, state 5: Error converting data type varchar to float.

--# a_float_as_text_has_six_digits
SELECT CAST(1.5e0 AS varchar(20)), CAST(1e0 / 3 AS varchar(20)), CAST(1234567e0 AS varchar(20)), CAST(0e0 AS varchar(20))
--= '1.5' | '0.333333' | '1.23457e+006' | '0'

--# text_becomes_a_guid
SELECT CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier), CAST('{6f9619ff-8b86-d011-b42d-00c04fc964ff}' AS uniqueidentifier)
--: uniqueidentifier | uniqueidentifier
--= 6F9619FF-8B86-D011-B42D-00C04FC964FF | 6F9619FF-8B86-D011-B42D-00C04FC964FF
SELECT CAST('x' AS uniqueidentifier)
--! 8169, level 16, state 2: Conversion failed when converting from a character string to uniqueidentifier.

--# a_guid_needs_36_letters
SELECT CAST(CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier) AS varchar(36))
--= '6F9619FF-8B86-D011-B42D-00C04FC964FF'
SELECT CAST(CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier) AS varchar(10))
--! 8170, level 16, state 2: Insufficient result space to convert uniqueidentifier value to char.

--# guids_and_binaries_have_the_same_bytes
SELECT CAST(CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier) AS varbinary(16)), CAST(0xFF19966F868B11D0B42D00C04FC964FF AS uniqueidentifier)
--= 0xFF19966F868B11D0B42D00C04FC964FF | 6F9619FF-8B86-D011-B42D-00C04FC964FF

--# integers_become_their_bytes
SELECT CAST(1 AS varbinary(4)), CAST(258 AS binary(2)), CAST(CAST(1 AS bigint) AS varbinary(8)), CAST(0x0102 AS int), CAST(1 AS binary(6))
--= 0x00000001 | 0x0102 | 0x0000000000000001 | 258 | 0x000000000001

--# an_int_too_long_for_its_varchar_is_a_star
SELECT CAST(12345 AS varchar(2)), CAST(123 AS char(2))
--= '*' | '* '

--# an_int_too_long_for_its_nvarchar_is_error_8115
SELECT CAST(12345 AS nvarchar(2))
--! 8115, level 16, state 2: Arithmetic overflow error converting expression to data type nvarchar.

--# text_does_not_become_binary_unasked
DECLARE @b varbinary(4) = 'abc'
--! 257, level 16, state 3: Implicit conversion from data type varchar to varbinary is not allowed. Use the CONVERT function to run this query.

--# types_that_have_nothing_in_common_clash
DECLARE @g uniqueidentifier = 1
--! 206, level 16, state 2: Operand type clash: int is incompatible with uniqueidentifier
SELECT CAST(1 AS uniqueidentifier)
--! 529, level 16, state 2: Explicit conversion from data type int to uniqueidentifier is not allowed.

--# try_cast_is_null_where_cast_fails
SELECT TRY_CAST('x' AS int), TRY_CAST('5' AS int), TRY_CONVERT(date, '2024-13-01'), TRY_CAST('300' AS tinyint)
--: int | int | date | tinyint
--= NULL | 5 | NULL | NULL

--# try_cast_does_not_help_what_is_never_allowed
SELECT TRY_CAST(1 AS date)
--! 529, level 16, state 2: Explicit conversion from data type int to date is not allowed.

--# null_converts_to_everything
SELECT CAST(NULL AS int), CAST(NULL AS nvarchar(5)), CAST(NULL AS date), CAST(NULL AS uniqueidentifier), CAST(NULL AS decimal(5,2)), CAST(NULL AS money), CAST(NULL AS datetimeoffset(3))
--: int | nvarchar(5) | date | uniqueidentifier | decimal(5,2) | money | datetimeoffset(3)
--= NULL | NULL | NULL | NULL | NULL | NULL | NULL

--# a_string_too_long_for_its_column_is_error_2628
CREATE TABLE dbo.Narrow (a varchar(3), b nvarchar(2), c varbinary(2)); INSERT INTO dbo.Narrow (a) VALUES ('abcd')
--! 2628, level 16, state 1: String or binary data would be truncated in table '*.dbo.Narrow', column 'a'. Truncated value: 'abc'.
INSERT INTO dbo.Narrow (b) VALUES (N'xyz')
--! 2628, level 16, state 1: String or binary data would be truncated in table '*.dbo.Narrow', column 'b'. Truncated value: 'xy'.
INSERT INTO dbo.Narrow (a) VALUES ('abc   '); SELECT a FROM dbo.Narrow
--= 'abc'

--# varchar_meets_nvarchar_as_nvarchar
SELECT CASE WHEN 1 = 1 THEN 'a' ELSE N'bb' END, COALESCE(CAST('a' AS char(2)), 'bcd')
--: nvarchar(2) | varchar(3)
--= 'a' | 'a '

--# int_meets_bigint_as_bigint
SELECT CASE WHEN 1 = 1 THEN 1 ELSE CAST(2 AS bigint) END, COALESCE(NULL, 1, 2e0), ISNULL(CAST(NULL AS tinyint), 5), NULLIF(1, 1)
--: bigint | float | tinyint | int
--= 1 | 1 | 5 | NULL

--# a_case_of_nulls_only_is_refused
SELECT CASE WHEN 1 = 1 THEN NULL END
--! 8133, level 16: At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.

--# isnull_cuts_to_the_type_of_the_first
SELECT ISNULL(CAST(NULL AS varchar(2)), 'abcd'), COALESCE(CAST(NULL AS varchar(2)), 'abcd')
--: varchar(2) | varchar(4)
--= 'ab' | 'abcd'
