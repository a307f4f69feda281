-- money and smallmoney. Sources: "money and smallmoney", "CAST and CONVERT" (money styles), error 235.

--# text_becomes_money_with_sign_and_separators
SELECT CAST('$1,234.5678' AS money), CAST('-12.345678' AS money), CAST('' AS money)
--: money | money | money
--= 1234.5678 | -12.3457 | 0.0000

--# text_that_is_no_money_is_error_235
SELECT CAST('x' AS money)
--! 235, level 16, state 0: Cannot convert a char value to money. The char value has incorrect syntax.

--# numbers_become_money_rounded_to_four_decimals
SELECT CAST(12.34567 AS money), CAST(5 AS smallmoney), CAST(1.00005e0 AS money), CAST(-0.00005 AS money)
--: money | smallmoney | money | money
--= 12.3457 | 5.0000 | 1.0001 | -0.0001

--# money_stays_money
DECLARE @m money = 10; SELECT @m + @m, @m - 1, @m * 2, @m / 3, -@m
--: money | money | money | money | money
--= 20.0000 | 9.0000 | 20.0000 | 3.3333 | -10.0000

--# money_beside_a_decimal_is_decimal
SELECT CAST(1 AS money) + 1.5, CAST(2 AS money) * 1.25
--: decimal(20,4) | decimal(23,6)
--= 2.5000 | 2.500000

--# money_beside_a_float_is_float
SELECT CAST(1.5 AS money) * 2e0
--: float
--= 3

--# money_holds_what_eight_bytes_hold
SELECT CAST(922337203685477.5807 AS money), CAST(-922337203685477.5808 AS money)
--= 922337203685477.5807 | -922337203685477.5808
SELECT CAST(922337203685477.5808 AS money)
--! 8115, level 16
SELECT CAST(300000 AS smallmoney)
--! 8115, level 16

--# money_as_text_has_two_decimals_or_the_style_asked_for
SELECT CAST(CAST(1234.5678 AS money) AS varchar(20)), CONVERT(varchar(20), CAST(1234567.5678 AS money), 1), CONVERT(nvarchar(20), CAST(1234.5678 AS money), 2)
--= '1234.57' | '1,234,567.57' | '1234.5678'

--# money_to_an_integer_rounds
SELECT CAST(CAST(2.5 AS money) AS int), CAST(CAST(-2.5 AS money) AS int), CAST(CAST(2.4999 AS money) AS bigint)
--= 3 | -3 | 2

--# money_to_decimal_is_exact
SELECT CAST(CAST(1.2345 AS money) AS decimal(10,4)), CAST(CAST(1.2355 AS money) AS decimal(10,2))
--= 1.2345 | 1.24

--# sums_and_averages_of_money_are_money
CREATE TABLE #m (v money NULL, s smallmoney NULL); INSERT INTO #m VALUES (1.5, 1), (2.25, 2), (NULL, NULL); SELECT SUM(v), AVG(v), MIN(v), MAX(v), SUM(s) FROM #m
--: money | money | money | money | money
--= 3.7500 | 1.8750 | 1.5000 | 2.2500 | 3.0000

--# money_columns_compare_with_every_number
CREATE TABLE #c (v money PRIMARY KEY); INSERT INTO #c VALUES (1), (2.5), (10); SELECT v FROM #c WHERE v = 2.5; SELECT v FROM #c WHERE v > 2 ORDER BY v DESC
--: v money
--= 2.5000
--: v money
--= 10.0000
--= 2.5000

--# smallmoney_becomes_money
DECLARE @s smallmoney = 1.5, @m money = 2; SELECT @s + @m, CASE WHEN 1 = 1 THEN @s ELSE @m END
--: money | money
--= 3.5000 | 1.5000
