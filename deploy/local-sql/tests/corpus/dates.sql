-- Dates and times other than datetimeoffset. Sources: "datetime", "smalldatetime", "datetime2", "time", "DATEADD",
-- "DATEDIFF", "DATEPART", "CAST and CONVERT" (styles), errors 241, 242, 517, 529 and 535.

--# datetime_is_kept_in_thirds_of_a_hundredth
SELECT CAST('1998-01-01T23:59:59.990' AS datetime), CAST('1998-01-01T23:59:59.992' AS datetime), CAST('1998-01-01T23:59:59.995' AS datetime), CAST('1998-01-01T23:59:59.999' AS datetime)
--: datetime | datetime | datetime | datetime
--= 1998-01-01 23:59:59.990 | 1998-01-01 23:59:59.993 | 1998-01-01 23:59:59.997 | 1998-01-02 00:00:00.000

--# smalldatetime_rounds_to_the_minute
SELECT CAST('2007-05-08 12:35:29' AS smalldatetime), CAST('2007-05-08 12:35:30' AS smalldatetime), CAST('2007-05-08 12:59:59.998' AS smalldatetime)
--: smalldatetime | smalldatetime | smalldatetime
--= 2007-05-08 12:35 | 2007-05-08 12:36 | 2007-05-08 13:00

--# datetime2_rounds_to_its_scale
SELECT CAST('2024-01-01 23:59:59.9999999' AS datetime2(3)), CAST('2024-01-01 12:00:00.1234567' AS datetime2), CAST('2024-01-01 12:00:00.15' AS datetime2(1))
--: datetime2(3) | datetime2(7) | datetime2(1)
--= 2024-01-02 00:00:00.000 | 2024-01-01 12:00:00.1234567 | 2024-01-01 12:00:00.2

--# time_rounds_to_its_scale
SELECT CAST('12:00:00.5' AS time(0)), CAST('12:34:56.1234567' AS time), CAST('2024-01-01 12:34:56' AS time(2))
--: time(0) | time(7) | time(2)
--= 12:00:01 | 12:34:56.1234567 | 12:34:56.00

--# iso_forms_of_a_date_are_read
SELECT CAST('20240229' AS date), CAST('2024-02-29' AS date), CAST('2024-02-29T12:00:00' AS date), CAST('2024-02-29 23:59:59.999' AS date)
--= 2024-02-29 | 2024-02-29 | 2024-02-29 | 2024-02-29

--# an_impossible_date_is_error_241
SELECT CAST('2024-02-30' AS date)
--! 241, level 16, state 1: Conversion failed when converting date and/or time from character string.
SELECT CAST('x' AS datetime2)
--! 241, level 16, state 1: Conversion failed when converting date and/or time from character string.

--# a_date_that_datetime_cannot_hold_is_error_242
SELECT CAST('1752-12-31' AS datetime)
--! 242, level 16, state 3: The conversion of a varchar data type to a datetime data type resulted in an out-of-range value.
SELECT CAST(CAST('1752-12-31' AS datetime2) AS datetime)
--! 242, level 16, state 3: The conversion of a datetime2 data type to a datetime data type resulted in an out-of-range value.

--# the_empty_string_is_1900
SELECT CAST('' AS datetime), CAST('' AS date), CAST('' AS datetime2(0))
--= 1900-01-01 00:00:00.000 | 1900-01-01 | 1900-01-01 00:00:00

--# a_number_is_days_since_1900_for_datetime
SELECT CAST(0 AS datetime), CAST(45000 AS datetime)
--= 1900-01-01 00:00:00.000 | 2023-03-17 00:00:00.000

--# a_number_is_no_date
SELECT CAST(1 AS date)
--! 529, level 16, state 2: Explicit conversion from data type int to date is not allowed.

--# a_date_has_no_time
SELECT CAST(CAST('2024-01-01' AS date) AS time)
--! 529, level 16: Explicit conversion from data type date to time is not allowed.

--# datetime_widened_to_datetime2_shows_its_thirds
SELECT CAST(CAST('2024-01-01T00:00:00.003' AS datetime) AS datetime2(7))
--= 2024-01-01 00:00:00.0033333

--# dates_as_text
SELECT CAST(CAST('2024-02-09T01:02:03' AS datetime) AS varchar(30)), CAST(CAST('2024-02-09' AS date) AS varchar(30)), CAST(CAST('2024-02-09 13:02:03' AS datetime2(2)) AS varchar(30)), CAST(CAST('13:02:03' AS time(0)) AS varchar(30))
--= 'Feb  9 2024  1:02AM' | '2024-02-09' | '2024-02-09 13:02:03.00' | '13:02:03'

--# convert_knows_the_numbered_styles
DECLARE @d datetime = '2024-02-09T13:02:03.123'; SELECT CONVERT(varchar(30), @d, 101), CONVERT(varchar(30), @d, 103), CONVERT(varchar(30), @d, 104), CONVERT(varchar(30), @d, 108), CONVERT(varchar(30), @d, 112), CONVERT(varchar(30), @d, 120), CONVERT(varchar(30), @d, 121), CONVERT(varchar(30), @d, 126), CONVERT(varchar(30), @d, 23)
--= '02/09/2024' | '09/02/2024' | '09.02.2024' | '13:02:03' | '20240209' | '2024-02-09 13:02:03' | '2024-02-09 13:02:03.123' | '2024-02-09T13:02:03.123' | '2024-02-09'

--# dateadd_keeps_to_the_month
SELECT DATEADD(month, 1, CAST('2024-01-31' AS date)), DATEADD(year, 1, CAST('2024-02-29' AS date)), DATEADD(day, -1, CAST('2024-03-01' AS datetime2(0))), DATEADD(quarter, 1, CAST('2023-11-30' AS date))
--: date | date | datetime2(0) | date
--= 2024-02-29 | 2025-02-28 | 2024-02-29 00:00:00 | 2024-02-29

--# dateadd_of_a_string_is_a_datetime
SELECT DATEADD(minute, 1, '2024-01-01')
--: datetime
--= 2024-01-01 00:01:00.000

--# dateadd_out_of_range_is_error_517
SELECT DATEADD(year, 8000, CAST('2024-01-01' AS datetime))
--! 517, level 16, state 1: Adding a value to a 'datetime' column caused an overflow.

--# a_time_wraps_around_midnight
SELECT DATEADD(hour, 2, CAST('23:00' AS time(0)))
--= 01:00:00

--# datediff_counts_boundaries
SELECT DATEDIFF(year, '2023-12-31', '2024-01-01'), DATEDIFF(month, '2024-01-31', '2024-02-01'), DATEDIFF(day, '2024-02-28 23:59', '2024-03-01 00:00'), DATEDIFF(week, '2024-01-06', '2024-01-07'), DATEDIFF(second, '2024-01-01 00:00:00.9', '2024-01-01 00:00:01.1'), DATEDIFF(hour, '2024-01-01', '2023-12-31')
--: int | int | int | int | int | int
--= 1 | 1 | 2 | 1 | 1 | -24

--# datediff_that_overflows_is_error_535
SELECT DATEDIFF(millisecond, '2000-01-01', '2024-01-01')
--! 535, level 16, state 0: The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.

--# datediff_big_has_room
SELECT DATEDIFF_BIG(millisecond, '2000-01-01', '2024-01-01')
--: bigint
--= 757382400000

--# datepart_reads_one_part
DECLARE @d datetime2 = '2024-02-29 13:05:06.1234567'; SELECT YEAR(@d), MONTH(@d), DAY(@d), DATEPART(quarter, @d), DATEPART(hour, @d), DATEPART(minute, @d), DATEPART(second, @d), DATEPART(millisecond, @d), DATEPART(microsecond, @d), DATEPART(nanosecond, @d)
--= 2024 | 2 | 29 | 1 | 13 | 5 | 6 | 123 | 123456 | 123456700

--# the_day_of_the_year_and_of_the_week
SELECT DATEPART(dayofyear, CAST('2024-03-01' AS date)), DATEPART(weekday, CAST('2024-03-01' AS date))
--= 61 | 6

--# an_unknown_date_part_is_error_155
SELECT DATEPART(fortnight, '2024-01-01')
--! 155, level 15, state 1: 'fortnight' is not a recognized datepart option.

--# dates_of_different_types_compare_by_value
SELECT CASE WHEN CAST('2024-01-01' AS date) = CAST('2024-01-01T00:00:00' AS datetime) THEN 1 ELSE 0 END, CASE WHEN CAST('2024-01-01' AS date) < CAST('2024-01-01 00:00:00.0000001' AS datetime2) THEN 1 ELSE 0 END, CASE WHEN CAST('2024-01-01' AS date) = '2024-01-01' THEN 1 ELSE 0 END
--= 1 | 1 | 1

--# a_date_and_a_number_clash
SELECT CASE WHEN CAST('2024-01-01' AS date) = 1 THEN 1 ELSE 0 END
--! 206, level 16, state 2: Operand type clash: *

--# the_clock_has_sql_servers_types
SELECT SYSUTCDATETIME() AS a, SYSDATETIME() AS b, GETUTCDATE() AS c, GETDATE() AS d, CURRENT_TIMESTAMP AS e WHERE 1 = 0
--: a datetime2(7) | b datetime2(7) | c datetime | d datetime | e datetime
