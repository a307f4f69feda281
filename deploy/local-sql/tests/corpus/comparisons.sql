-- Comparison: trailing blanks, collations, NULL and three-valued logic. Sources: "Comparison operators", "IN", "BETWEEN",
-- "IS NULL", "Collation and Unicode support", "uniqueidentifier".

--# trailing_blanks_do_not_count
SELECT CASE WHEN 'a' = 'a  ' THEN 1 ELSE 0 END, CASE WHEN N'a' = N'a ' THEN 1 ELSE 0 END, CASE WHEN ' a' = 'a' THEN 1 ELSE 0 END, CASE WHEN '' = '  ' THEN 1 ELSE 0 END
--= 1 | 1 | 0 | 1

--# the_default_collation_ignores_case_but_not_accents
SELECT CASE WHEN N'abc' = N'ABC' THEN 1 ELSE 0 END, CASE WHEN N'é' = N'É' THEN 1 ELSE 0 END, CASE WHEN N'é' = N'e' THEN 1 ELSE 0 END, CASE WHEN 'a' < 'B' THEN 1 ELSE 0 END
--= 1 | 1 | 0 | 1

--# a_binary_collation_compares_code_points
SELECT CASE WHEN N'abc' = N'ABC' COLLATE Latin1_General_100_BIN2 THEN 1 ELSE 0 END, CASE WHEN N'a' < N'B' COLLATE Latin1_General_100_BIN2 THEN 1 ELSE 0 END, CASE WHEN N'a' = N'a ' COLLATE Latin1_General_100_BIN2 THEN 1 ELSE 0 END
--= 0 | 0 | 1

--# a_binary_column_stays_binary
CREATE TABLE #b (v nvarchar(10) COLLATE Latin1_General_100_BIN2 NOT NULL PRIMARY KEY); INSERT INTO #b VALUES (N'a'), (N'A'), (N'b'); SELECT v FROM #b WHERE v = N'A'; SELECT v FROM #b ORDER BY v
--: v nvarchar(10)
--= 'A'
--: v nvarchar(10)
--= 'A'
--= 'a'
--= 'b'

--# two_collations_conflict
CREATE TABLE #c (a nvarchar(5) COLLATE Latin1_General_100_BIN2, b nvarchar(5) COLLATE Latin1_General_100_CI_AS); SELECT 1 FROM #c WHERE a = b
--! 468, level 16, state 9

--# null_is_not_equal_to_anything
SELECT CASE WHEN NULL = NULL THEN 1 WHEN NULL <> NULL THEN 2 ELSE 0 END, CASE WHEN NOT (NULL = 1) THEN 1 ELSE 0 END, CASE WHEN NULL IS NULL THEN 1 ELSE 0 END
--= 0 | 0 | 1

--# unknown_is_absorbed_where_the_other_side_decides
SELECT CASE WHEN NULL = 1 OR 1 = 1 THEN 1 ELSE 0 END, CASE WHEN NULL = 1 AND 1 = 1 THEN 1 ELSE 0 END, CASE WHEN NOT (NULL = 1 AND 1 = 0) THEN 1 ELSE 0 END
--= 1 | 0 | 1

--# not_in_with_a_null_is_never_true
SELECT CASE WHEN 1 NOT IN (2, NULL) THEN 1 ELSE 0 END, CASE WHEN 1 IN (1, NULL) THEN 1 ELSE 0 END, CASE WHEN 1 NOT IN (1, NULL) THEN 1 ELSE 0 END
--= 0 | 1 | 0

--# not_in_a_query_with_a_null_is_never_true
SELECT v FROM (VALUES (1), (2)) AS t (v) WHERE v NOT IN (SELECT x FROM (VALUES (1), (NULL)) AS u (x))
--: v int

--# between_includes_both_ends
SELECT CASE WHEN 1 BETWEEN 1 AND 2 THEN 1 ELSE 0 END, CASE WHEN 2 BETWEEN 1 AND 2 THEN 1 ELSE 0 END, CASE WHEN 3 NOT BETWEEN 1 AND 2 THEN 1 ELSE 0 END, CASE WHEN 1 BETWEEN 2 AND 1 THEN 1 ELSE 0 END
--= 1 | 1 | 1 | 0

--# a_number_and_a_string_compare_as_numbers
SELECT CASE WHEN '10' > 9 THEN 1 ELSE 0 END, CASE WHEN '10' > '9' THEN 1 ELSE 0 END, CASE WHEN '01' = 1 THEN 1 ELSE 0 END
--= 1 | 0 | 1

--# comparing_a_number_with_a_word_is_error_245
SELECT CASE WHEN 1 = 'x' THEN 1 ELSE 0 END
--! 245, level 16, state 1: Conversion failed when converting the varchar value 'x' to data type int.

--# guids_compare_by_their_last_group_first
SELECT CASE WHEN CAST('00000000-0000-0000-0000-010000000000' AS uniqueidentifier) > CAST('FFFFFFFF-FFFF-FFFF-FFFF-000000000000' AS uniqueidentifier) THEN 1 ELSE 0 END, CASE WHEN CAST('6f9619ff-8b86-d011-b42d-00c04fc964ff' AS uniqueidentifier) = '6F9619FF-8B86-D011-B42D-00C04FC964FF' THEN 1 ELSE 0 END
--= 1 | 1

--# exists_does_not_look_at_values
SELECT CASE WHEN EXISTS (SELECT NULL) THEN 1 ELSE 0 END, CASE WHEN NOT EXISTS (SELECT 1 WHERE 1 = 0) THEN 1 ELSE 0 END
--= 1 | 1

--# nulls_sort_first
SELECT v FROM (VALUES (2), (NULL), (1)) AS t (v) ORDER BY v; SELECT v FROM (VALUES (2), (NULL), (1)) AS t (v) ORDER BY v DESC
--= NULL
--= 1
--= 2
--: *
--= 2
--= 1
--= NULL

--# group_by_takes_nulls_and_case_together
SELECT COUNT(*) FROM (VALUES ('a'), ('A '), ('b'), (NULL), (NULL)) AS t (v) GROUP BY v ORDER BY COUNT(*)
--= 1
--= 2
--= 2

--# distinct_takes_case_together
SELECT COUNT(*) FROM (SELECT DISTINCT v FROM (VALUES ('a'), ('A'), ('a ')) AS t (v)) AS d
--= 1

--# a_bit_is_compared_with_words_and_numbers
SELECT CASE WHEN CAST(1 AS bit) = 1 THEN 1 ELSE 0 END, CASE WHEN CAST(1 AS bit) = 'true' THEN 1 ELSE 0 END, CAST(5 AS bit), CAST('False' AS bit)
--: int | int | bit | bit
--= 1 | 1 | 1 | 0

--# all_the_signs_of_comparison
SELECT CASE WHEN 1 != 2 THEN 1 ELSE 0 END, CASE WHEN 1 !< 1 THEN 1 ELSE 0 END, CASE WHEN 1 !> 1 THEN 1 ELSE 0 END, CASE WHEN 1 <> 1 THEN 1 ELSE 0 END
--= 1 | 1 | 1 | 0
