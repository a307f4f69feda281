-- Integer and float arithmetic, precedence, overflow. Sources: "Data type precedence", "Operator precedence",
-- "/ (Division)", "% (Modulus)", errors 8115, 8134, 402 and 8117 of the T-SQL reference.

--# integer_division_truncates_toward_zero
SELECT 7 / 2, -7 / 2, 7 / -2, -7 % 3, 7 % -3
--: int | int | int | int | int
--= 3 | -3 | -3 | -1 | 1

--# the_higher_integer_type_wins
SELECT CAST(1 AS tinyint) + CAST(1 AS smallint), CAST(1 AS smallint) + 1, 1 + CAST(1 AS bigint)
--: smallint | int | bigint
--= 2 | 2 | 2

--# an_int_that_overflows_is_error_8115
SELECT 2147483647 + 1
--! 8115, level 16, state 2: Arithmetic overflow error converting expression to data type int.

--# a_bigint_that_overflows_is_error_8115
SELECT CAST(9223372036854775807 AS bigint) + 1
--! 8115, level 16: Arithmetic overflow error converting expression to data type bigint.

--# a_tinyint_that_overflows_is_error_8115
SELECT CAST(255 AS tinyint) + CAST(1 AS tinyint)
--! 8115, level 16, state 2: Arithmetic overflow error converting expression to data type tinyint.

--# the_smallest_int_has_no_positive_counterpart
DECLARE @i int = -2147483648; SELECT -@i
--! 8115
DECLARE @i int = -2147483648; SELECT ABS(@i)
--! 8115

--# division_by_zero_is_error_8134
SELECT 1 / 0
--! 8134, level 16, state 1: Divide by zero error encountered.
SELECT 1 % 0
--! 8134
SELECT 1e0 / 0
--! 8134

--# null_makes_arithmetic_null
SELECT 1 + NULL, NULL * 5, 1 / CAST(NULL AS int)
--: int | int | int
--= NULL | NULL | NULL

--# bit_operators_work_on_integers
SELECT 7 & 3, 5 | 2, 5 ^ 1, ~5
--: int | int | int | int
--= 3 | 7 | 4 | -6

--# multiplication_binds_tighter_than_addition
SELECT 2 + 3 * 4, (2 + 3) * 4, 10 - 4 - 3, -2 * -3, 5 & 3 + 1
--= 14 | 20 | 3 | 6 | 2

--# a_string_beside_a_number_becomes_a_number
SELECT '5' + 3, N'7' * 2, 10 / '4'
--: int | int | int
--= 8 | 14 | 2

--# a_string_that_is_no_number_is_error_245
SELECT 'a' + 1
--! 245, level 16, state 1: Conversion failed when converting the varchar value 'a' to data type int.
SELECT N'a' * 1
--! 245, level 16, state 1: Conversion failed when converting the nvarchar value 'a' to data type int.

--# float_wins_over_integers
SELECT 1 + 0.5e0, 3 / 2e0, CAST(1 AS real) + CAST(1 AS float)
--: float | float | float
--= 1.5 | 1.5 | 2

--# real_stays_real
SELECT CAST(1.5 AS real) + CAST(1 AS real), CAST(1.5 AS real) * 2
--: real | real
--= 2.5 | 3

--# floats_have_no_modulo
SELECT 5e0 % 2e0
--! 402, level 16: The data types float and float are incompatible in the modulo operator.

--# two_bits_cannot_be_added
SELECT CAST(1 AS bit) + CAST(1 AS bit)
--! 402, level 16: The data types bit and bit are incompatible in the add operator.

--# a_bit_and_an_int_are_an_int
SELECT CAST(1 AS bit) + 1, ~CAST(1 AS bit)
--: int | bit
--= 2 | 0

--# strings_cannot_be_subtracted
SELECT 'a' - 'b'
--! 8117, level 16: Operand data type varchar is invalid for subtract operator.

--# dates_cannot_be_multiplied
SELECT CAST('2024-01-01' AS date) * CAST('2024-01-01' AS date)
--! 8117, level 16: Operand data type date is invalid for multiply operator.

--# compound_assignment_computes_and_assigns
DECLARE @i int = 10; SET @i += 5; SET @i -= 1; SET @i *= 2; SET @i /= 3; SET @i %= 5; SET @i |= 8; SET @i &= 12; SET @i ^= 1; SELECT @i
--= 13

--# round_of_an_integer_stays_an_integer
SELECT ROUND(1250, -2), ROUND(1249, -2), ROUND(1250, 1)
--: int | int | int
--= 1300 | 1200 | 1250

--# abs_keeps_the_type
SELECT ABS(-5), ABS(CAST(-5 AS bigint)), ABS(-1.5), ABS(-2e0)
--: int | bigint | decimal(2,1) | float
--= 5 | 5 | 1.5 | 2

--# ceiling_and_floor_of_every_kind
SELECT CEILING(1.2), FLOOR(1.8), CEILING(-1.2), FLOOR(-1.2), CEILING(1.2e0), FLOOR(7)
--: decimal(2,0) | decimal(2,0) | decimal(2,0) | decimal(2,0) | float | int
--= 2 | 1 | -1 | -2 | 2 | 7

--# sign_keeps_the_type
SELECT SIGN(-5), SIGN(0), SIGN(2.5), SIGN(-1e0)
--: int | int | decimal(2,1) | float
--= -1 | 0 | 1.0 | -1
