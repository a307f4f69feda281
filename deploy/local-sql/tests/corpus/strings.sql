-- Character and binary strings. Sources: "+ (String concatenation)", the string functions, "LIKE", "CAST and CONVERT"
-- (binary styles).

--# concatenation_with_null_is_null
SELECT N'a' + NULL + N'b'
--= NULL

--# concatenation_has_the_length_of_both
SELECT N'ab' + 'c', 'ab' + 'cd', CAST('a' AS char(3)) + '|'
--: nvarchar(3) | varchar(4) | varchar(4)
--= 'abc' | 'abcd' | 'a  |'

--# concat_takes_null_for_nothing
SELECT CONCAT(N'a', NULL, 1, N'b'), CONCAT_WS(N'-', N'a', NULL, N'b')
--= 'a1b' | 'a-b'

--# len_leaves_trailing_blanks_out
SELECT LEN('ab  '), LEN('  ab'), LEN(''), LEN(N'äö'), DATALENGTH('ab  '), DATALENGTH(N'ab')
--: int | int | int | int | int | int
--= 2 | 4 | 0 | 2 | 4 | 4

--# a_surrogate_pair_counts_as_two
SELECT LEN(N'😀'), DATALENGTH(N'😀')
--= 2 | 4

--# substring_counts_from_one
SELECT SUBSTRING(N'abcdef', 2, 3), SUBSTRING(N'abcdef', 0, 3), SUBSTRING(N'abcdef', -1, 3), SUBSTRING(N'abc', 5, 2), SUBSTRING(0x010203, 2, 1)
--= 'bcd' | 'ab' | 'a' | '' | 0x02

--# a_negative_length_is_error_537
SELECT SUBSTRING('abc', 1, -1)
--! 537, level 16: Invalid length parameter passed to the LEFT or SUBSTRING function.
SELECT LEFT('abc', -1)
--! 537, level 16: Invalid length parameter passed to the LEFT or SUBSTRING function.
SELECT RIGHT('abc', -1)
--! 536, level 16: Invalid length parameter passed to the right function.

--# left_and_right_take_what_is_there
SELECT LEFT(N'abc', 2), RIGHT(N'abc', 2), LEFT(N'abc', 9), RIGHT(N'abc', 0)
--= 'ab' | 'bc' | 'abc' | ''

--# charindex_ignores_case
SELECT CHARINDEX('C', 'abcabc'), CHARINDEX('c', 'abcabc', 4), CHARINDEX('x', 'abc'), CHARINDEX('', 'abc')
--: int | int | int | int
--= 3 | 6 | 0 | 0

--# replace_ignores_case
SELECT REPLACE(N'aXa', N'x', N'-'), REPLACE(N'aaa', N'a', N''), REPLACE(N'abc', NULL, N'')
--= 'a-a' | '' | NULL

--# stuff_replaces_a_range
SELECT STUFF('abcdef', 2, 3, 'XY'), STUFF('abc', 5, 1, 'X'), STUFF('abc', 1, 0, 'X'), STUFF('abc', 2, 1, NULL)
--= 'aXYef' | NULL | 'Xabc' | 'ac'

--# replicate_repeats
SELECT REPLICATE('ab', 3), REPLICATE('ab', 0), REPLICATE('ab', -1), REPLICATE(NULL, 2)
--= 'ababab' | '' | NULL | NULL

--# case_and_blanks_are_changed
SELECT UPPER('aß'), LOWER(N'ÄB'), LTRIM('  a '), RTRIM(' a  '), TRIM('  a  '), REVERSE('abc')
--= 'Aß' | 'äb' | 'a ' | ' a' | 'a' | 'cba'

--# unicode_and_nchar_are_inverse
SELECT UNICODE(N'€'), NCHAR(8364), UNICODE(N'')
--= 8364 | '€' | NULL

--# like_knows_four_wildcards
SELECT CASE WHEN 'abc' LIKE 'a%' THEN 1 ELSE 0 END, CASE WHEN 'abc' LIKE '_b_' THEN 1 ELSE 0 END, CASE WHEN 'abc' LIKE '[a-c]%' THEN 1 ELSE 0 END, CASE WHEN 'abc' LIKE '[^a]%' THEN 1 ELSE 0 END, CASE WHEN 'abc' LIKE 'AB%' THEN 1 ELSE 0 END
--= 1 | 1 | 1 | 0 | 1

--# like_with_escape_takes_wildcards_literally
SELECT CASE WHEN '10%' LIKE '10!%' ESCAPE '!' THEN 1 ELSE 0 END, CASE WHEN '100' LIKE '10!%' ESCAPE '!' THEN 1 ELSE 0 END, CASE WHEN 'a[b' LIKE 'a[[]b' THEN 1 ELSE 0 END
--= 1 | 0 | 1

--# like_and_trailing_blanks
SELECT CASE WHEN 'abc ' LIKE 'abc' THEN 1 ELSE 0 END, CASE WHEN 'abc' LIKE 'abc ' THEN 1 ELSE 0 END, CASE WHEN NULL LIKE '%' THEN 1 ELSE 0 END
--= 1 | 0 | 0

--# like_in_a_binary_collation_sees_case
SELECT CASE WHEN N'abc' COLLATE Latin1_General_100_BIN2 LIKE N'A%' THEN 1 ELSE 0 END
--= 0

--# a_cast_cuts_silently
SELECT CAST('abcdef' AS varchar(3)), CAST(N'abcdef' AS nchar(2)), CAST('ab' AS char(4)), CAST(0x010203 AS varbinary(2)), CAST(0x01 AS binary(3))
--: varchar(3) | nchar(2) | char(4) | varbinary(2) | binary(3)
--= 'abc' | 'ab' | 'ab  ' | 0x0102 | 0x010000

--# a_variable_cuts_silently
DECLARE @s varchar(3) = 'abcdef', @n nvarchar(2); SET @n = N'xyz'; SELECT @s, @n
--= 'abc' | 'xy'

--# a_string_without_a_length_is_one_or_thirty_long
DECLARE @s varchar = 'abc'; SELECT @s, CAST('1234567890123456789012345678901234567890' AS varchar)
--= 'a' | '123456789012345678901234567890'

--# binary_becomes_hexadecimal_by_style
SELECT CONVERT(varchar(10), 0x0AFF, 1), CONVERT(varchar(10), 0x0AFF, 2), CONVERT(varbinary(4), '0x0AFF', 1), CONVERT(varbinary(4), '0AFF', 2)
--= '0x0AFF' | '0AFF' | 0x0AFF | 0x0AFF

--# strings_become_the_bytes_of_their_letters
SELECT CAST('abc' AS varbinary(4)), CAST(N'ab' AS varbinary(4)), CAST(0x616263 AS varchar(3)), CAST(0x61006200 AS nvarchar(2))
--= 0x616263 | 0x61006200 | 'abc' | 'ab'

--# binaries_are_joined
SELECT 0x01 + 0x0203
--: varbinary(3)
--= 0x010203

--# a_quote_in_a_string_is_doubled
SELECT 'it''s', N'''', '"'
--= 'it's' | ''' | '"'

--# string_agg_joins_in_order
SELECT STRING_AGG(v, ',') WITHIN GROUP (ORDER BY v DESC) FROM (VALUES ('b'), ('a'), (NULL), ('c')) AS t (v)
--= 'c,b,a'

--# string_split_yields_rows
SELECT value FROM STRING_SPLIT('a,b,,c', ',')
--= 'a'
--= 'b'
--= ''
--= 'c'

--# long_strings_come_whole
SELECT LEN(v), DATALENGTH(v), RIGHT(v, 2) FROM (SELECT REPLICATE(CAST(N'ab' AS nvarchar(max)), 10000) AS v) AS t
--= 20000 | 40000 | 'ab'
