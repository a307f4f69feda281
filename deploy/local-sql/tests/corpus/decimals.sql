-- decimal and numeric: literals, precision and scale of results, rounding, casts, aggregates. Sources: "Precision,
-- scale, and length", "decimal and numeric", "ROUND", "Constants", errors 8114 and 8115.

--# decimal_literals_carry_their_digits
SELECT 1.5, 0.5, .25, 10.500, 1.
--: decimal(2,1) | decimal(1,1) | decimal(2,2) | decimal(5,3) | decimal(1,0)
--= 1.5 | 0.5 | 0.25 | 10.500 | 1

--# integers_beyond_int_are_numeric
SELECT 2147483648, 9223372036854775808, -2147483649
--: decimal(10,0) | decimal(19,0) | decimal(10,0)
--= 2147483648 | 9223372036854775808 | -2147483649

--# a_literal_has_at_most_38_digits
SELECT 99999999999999999999999999999999999999, 0.00000000000000000000000000000000000001
--: decimal(38,0) | decimal(38,38)
--= 99999999999999999999999999999999999999 | 0.00000000000000000000000000000000000001
SELECT 999999999999999999999999999999999999999
--! 1007, level 15, state 1: The number '999999999999999999999999999999999999999' is out of the range for numeric representation (maximum precision 38).

--# the_sum_has_room_for_a_carry
SELECT 1.5 + 2.25, 9.99 - 0.1
--: decimal(4,2) | decimal(4,2)
--= 3.75 | 9.89

--# the_product_has_all_digits
SELECT 1.5 * 2.25, -1.5 * 3
--: decimal(6,3) | decimal(4,1)
--= 3.375 | -4.5

--# the_quotient_has_at_least_six_decimals_and_is_cut
SELECT 1.0 / 3, 2.0 / 3, -2.0 / 3
--: decimal(7,6) | decimal(7,6) | decimal(7,6)
--= 0.333333 | 0.666666 | -0.666666

--# an_int_variable_counts_as_ten_digits
DECLARE @i int = 3; SELECT 1.0 / @i, 1.5 + @i, 1.5 * @i
--: decimal(13,12) | decimal(12,1) | decimal(13,1)
--= 0.333333333333 | 4.5 | 4.5

--# the_remainder_keeps_the_larger_scale
SELECT 5.5 % 2, -5.5 % 2, 5.25 % 0.5
--: decimal(2,1) | decimal(2,1) | decimal(2,2)
--= 1.5 | -1.5 | 0.25

--# scale_gives_way_to_the_integral_part_in_products
SELECT CAST(0.0000009000 AS decimal(30,20)) * CAST(1.0000000000 AS decimal(30,20))
--: decimal(38,17)
--= 0.00000090000000000
SELECT CAST(0.0000009000 AS decimal(30,10)) * CAST(1.0000000000 AS decimal(30,10))
--: decimal(38,6)
--= 0.000001

--# sums_of_38_digits_keep_their_scale
DECLARE @a decimal(38,10) = 1.5, @b decimal(38,10) = 2.25; SELECT @a + @b
--: decimal(38,10)
--= 3.7500000000

--# thirty_eight_digits_are_exact
DECLARE @d decimal(38,0) = 12345678901234567890123456789012345678; SELECT @d + 1, @d * 2, -@d
--: decimal(38,0) | decimal(38,0) | decimal(38,0)
--= 12345678901234567890123456789012345679 | 24691357802469135780246913578024691356 | -12345678901234567890123456789012345678

--# more_than_38_digits_are_error_8115
DECLARE @d decimal(38,0) = 99999999999999999999999999999999999999; SELECT @d + 1
--! 8115, level 16: Arithmetic overflow error converting *

--# a_cast_to_fewer_decimals_rounds_half_away_from_zero
SELECT CAST(1.555 AS decimal(3,2)), CAST(-1.555 AS decimal(3,2)), CAST(1.554 AS decimal(3,2)), CAST(0.5 AS decimal(1,0))
--: decimal(3,2) | decimal(3,2) | decimal(3,2) | decimal(1,0)
--= 1.56 | -1.56 | 1.55 | 1

--# a_cast_to_an_integer_cuts
SELECT CAST(1.9 AS int), CAST(-1.9 AS int), CAST(2.5 AS bigint), CAST(0.9 AS bit)
--: int | int | bigint | bit
--= 1 | -1 | 2 | 1

--# a_decimal_too_large_for_its_type_is_error_8115
SELECT CAST(123.45 AS decimal(4,2))
--! 8115, level 16, state 8: Arithmetic overflow error converting numeric to data type numeric.
SELECT CAST(1000 AS decimal(3,0))
--! 8115, level 16, state 8: Arithmetic overflow error converting int to data type numeric.
SELECT CAST('1234.5' AS decimal(4,2))
--! 8115, level 16, state 8: Arithmetic overflow error converting varchar to data type numeric.
SELECT CAST(3000000000.5 AS int)
--! 8115, level 16

--# text_becomes_a_decimal_by_its_digits
SELECT CAST('12.345' AS decimal(5,2)), CAST(N' -1.5 ' AS decimal(3,1)), CAST('+.5' AS decimal(3,1)), CAST('-0.00' AS decimal(3,2))
--= 12.35 | -1.5 | 0.5 | 0.00

--# text_that_is_no_decimal_is_error_8114
SELECT CAST('abc' AS decimal(5,2))
--! 8114, level 16, state 5: Error converting data type varchar to numeric.
SELECT CAST(N'1,5' AS decimal(5,2))
--! 8114, level 16, state 5: Error converting data type nvarchar to numeric.
SELECT CAST('1e2' AS decimal(5,2))
--! 8114
SELECT CAST('' AS decimal(5,2))
--! 8114

--# try_cast_of_no_decimal_is_null
SELECT TRY_CAST('abc' AS decimal(5,2)), TRY_CAST('1234' AS decimal(3,0)), TRY_CONVERT(decimal(3,1), '1.25')
--= NULL | NULL | 1.3

--# a_decimal_as_text_shows_its_scale
SELECT CAST(1.50 AS varchar(10)), CAST(-0.5 AS nvarchar(10)), CAST(CAST(7 AS decimal(5,3)) AS varchar(10))
--: varchar(10) | nvarchar(10) | varchar(10)
--= '1.50' | '-0.5' | '7.000'

--# a_decimal_too_long_for_its_text_is_error_8115
SELECT CAST(123.45 AS varchar(3))
--! 8115, level 16: Arithmetic overflow error converting numeric to data type varchar.

--# decimal_is_numeric_with_18_digits_by_default
SELECT CAST(1.5 AS decimal), CAST(1.5 AS numeric), CAST(1.5 AS dec), CAST(1.25 AS numeric(5))
--: decimal(18,0) | decimal(18,0) | decimal(18,0) | decimal(5,0)
--= 2 | 2 | 2 | 1

--# a_variable_takes_the_value_at_its_own_scale
DECLARE @d decimal(5,2) = 1.239, @n numeric(3,0); SET @n = 2.5; SELECT @d, @n
--: decimal(5,2) | decimal(3,0)
--= 1.24 | 3

--# decimals_compare_by_value
SELECT CASE WHEN 1.5 = 1.50 THEN 1 ELSE 0 END, CASE WHEN 2 > 1.99 THEN 1 ELSE 0 END, CASE WHEN -0.1 < 0 THEN 1 ELSE 0 END, CASE WHEN 0.1 + 0.2 = 0.3 THEN 1 ELSE 0 END
--= 1 | 1 | 1 | 1

--# float_wins_over_decimal
SELECT 1.5 + 1e0, 0.1 + 0.2e0
--: float | float
--= 2.5 | 0.30000000000000004

--# float_to_decimal_rounds
SELECT CAST(1.25e0 AS decimal(3,1)), CAST(1e10 AS decimal(11,0)), CAST(-2.5e0 AS decimal(3,0))
--= 1.3 | 10000000000 | -3

--# text_beside_a_decimal_becomes_a_decimal
SELECT '1.5' + 2.25
--= 3.75
SELECT 'a' + 1.5
--! 8114, level 16: Error converting data type varchar to numeric.

--# case_takes_a_type_that_holds_every_branch
SELECT CASE WHEN 1 = 1 THEN 1.5 ELSE 22.25 END
--: decimal(4,2)
--= 1.50

--# isnull_takes_the_type_of_the_first
SELECT ISNULL(CAST(NULL AS decimal(5,2)), 1.239)
--: decimal(5,2)
--= 1.24

--# union_takes_a_type_that_holds_both
SELECT 1.5 AS v UNION ALL SELECT 22.25 ORDER BY v
--: v decimal(4,2)
--= 1.50
--= 22.25

--# sum_of_decimals_has_38_digits
CREATE TABLE #d (v decimal(10,2) NULL); INSERT INTO #d VALUES (1.10), (2.25), (NULL), (-0.05); SELECT SUM(v), AVG(v), MIN(v), MAX(v), COUNT(v) FROM #d
--: decimal(38,2) | decimal(38,6) | decimal(10,2) | decimal(10,2) | int
--= 3.30 | 1.100000 | -0.05 | 2.25 | 3

--# the_average_of_decimals_is_cut
CREATE TABLE #a (v decimal(5,1)); INSERT INTO #a VALUES (1), (1), (3); SELECT AVG(v) FROM #a
--: decimal(38,6)
--= 1.666666

--# sum_of_nothing_is_null
CREATE TABLE #n (v decimal(5,1)); SELECT SUM(v), AVG(v) FROM #n
--= NULL | NULL

--# sum_distinct_counts_equal_values_once
CREATE TABLE #s (v decimal(5,2)); INSERT INTO #s VALUES (1.5), (1.50), (2); SELECT SUM(DISTINCT v), COUNT(DISTINCT v) FROM #s
--= 3.50 | 2

--# sum_of_decimals_over_a_window
CREATE TABLE #w (k int, v decimal(5,2)); INSERT INTO #w VALUES (1, 1.5), (1, 2), (2, 5); SELECT k, SUM(v) OVER (PARTITION BY k), SUM(v) OVER (ORDER BY v) FROM #w ORDER BY v
--: k int | decimal(38,2) | decimal(38,2)
--= 1 | 3.50 | 1.50
--= 1 | 3.50 | 3.50
--= 2 | 5.00 | 8.50

--# round_of_a_decimal_keeps_its_type
SELECT ROUND(123.9994, 3), ROUND(123.9995, 3), ROUND(748.58, -1), ROUND(748.58, -2), ROUND(150.75, 0)
--: decimal(7,4) | decimal(7,4) | decimal(5,2) | decimal(5,2) | decimal(5,2)
--= 123.9990 | 124.0000 | 750.00 | 700.00 | 151.00

--# round_with_a_third_argument_cuts
SELECT ROUND(150.75, 0, 1), ROUND(-150.79, 1, 1)
--= 150.00 | -150.70

--# round_that_needs_another_digit_is_error_8115
SELECT ROUND(748.58, -3)
--! 8115, level 16

--# decimals_sort_and_group_by_value
CREATE TABLE #g (v decimal(6,2)); INSERT INTO #g VALUES (10), (9.5), (-1), (9.50), (0); SELECT v, COUNT(*) FROM #g GROUP BY v ORDER BY v
--: v decimal(6,2) | int
--= -1.00 | 1
--= 0.00 | 1
--= 9.50 | 2
--= 10.00 | 1

--# a_decimal_column_is_found_by_any_number
CREATE TABLE #f (v decimal(6,2) PRIMARY KEY); INSERT INTO #f VALUES (1.5), (2), (3.25); SELECT v FROM #f WHERE v = 2; SELECT v FROM #f WHERE v > 1.555 AND v < 4e0; SELECT v FROM #f WHERE v = '1.50'
--: v decimal(6,2)
--= 2.00
--: v decimal(6,2)
--= 2.00
--= 3.25
--: v decimal(6,2)
--= 1.50

--# a_decimal_that_does_not_fit_its_column_ends_the_statement
CREATE TABLE #o (v decimal(4,2)); INSERT INTO #o VALUES (1), (100); SELECT COUNT(*) FROM #o
--! 8115, level 16: Arithmetic overflow error converting *
--= 0

--# decimals_are_computed_in_updates
CREATE TABLE #u (v decimal(8,3)); INSERT INTO #u VALUES (10.005); UPDATE #u SET v = v * 1.19; SELECT v FROM #u; UPDATE #u SET v += 1; SELECT v FROM #u
--: v decimal(8,3)
--= 11.906
--: v decimal(8,3)
--= 12.906

--# a_decimal_column_takes_a_default
CREATE TABLE #e (Id int, v decimal(5,2) NOT NULL DEFAULT 1.5); INSERT INTO #e (Id) VALUES (1); SELECT v FROM #e
--= 1.50

--# decimals_come_out_of_json
SELECT v FROM OPENJSON(N'[{"v":1.005},{"v":"2.5"},{"v":null}]') WITH (v decimal(6,2) '$.v')
--: v decimal(6,2)
--= 1.01
--= 2.50
--= NULL

--# datalength_of_a_decimal_depends_on_its_precision
SELECT DATALENGTH(CAST(1 AS decimal(9,0))), DATALENGTH(CAST(1 AS decimal(19,0))), DATALENGTH(CAST(1 AS decimal(28,0))), DATALENGTH(CAST(1 AS decimal(38,0)))
--= 5 | 9 | 13 | 17

--# a_precision_above_38_is_refused
DECLARE @d decimal(39,0)
--! 2750, level 16: Column or parameter #1: Specified column precision 39 is greater than the maximum precision of 38.
