-- datetimeoffset: any offset, compared by instant. Sources: "datetimeoffset", "SWITCHOFFSET", "TODATETIMEOFFSET",
-- "DATEPART", "DATEDIFF" (which works in UTC).

--# an_offset_is_kept
SELECT CAST('2024-02-29 01:02:03.1234567 +05:30' AS datetimeoffset), CAST('2024-02-29T01:02:03-08:00' AS datetimeoffset(0)), CAST('2024-02-29T01:02:03Z' AS datetimeoffset(3))
--: datetimeoffset(7) | datetimeoffset(0) | datetimeoffset(3)
--= 2024-02-29 01:02:03.1234567 +05:30 | 2024-02-29 01:02:03 -08:00 | 2024-02-29 01:02:03.000 +00:00

--# without_an_offset_it_is_utc
SELECT CAST('2024-02-29 01:02:03' AS datetimeoffset(0)), CAST(CAST('2024-02-29 01:02:03' AS datetime2(0)) AS datetimeoffset(0)), CAST(CAST('2024-02-29' AS date) AS datetimeoffset(0))
--= 2024-02-29 01:02:03 +00:00 | 2024-02-29 01:02:03 +00:00 | 2024-02-29 00:00:00 +00:00

--# an_offset_is_shown_in_text
SELECT CAST(CAST('2024-02-29 01:02:03 +05:30' AS datetimeoffset(0)) AS nvarchar(40)), CAST(CAST('2024-02-29 01:02:03.5 -01:15' AS datetimeoffset(3)) AS varchar(40))
--= '2024-02-29 01:02:03 +05:30' | '2024-02-29 01:02:03.500 -01:15'

--# other_types_take_the_local_time
SELECT CAST(CAST('2024-02-29 01:02:03 +05:30' AS datetimeoffset) AS datetime2(0)), CAST(CAST('2024-02-29 01:02:03 +05:30' AS datetimeoffset) AS date), CAST(CAST('2024-02-29 01:02:03 +05:30' AS datetimeoffset) AS time(0)), CAST(CAST('2024-02-29 01:02:03 +05:30' AS datetimeoffset) AS datetime)
--: datetime2(0) | date | time(0) | datetime
--= 2024-02-29 01:02:03 | 2024-02-29 | 01:02:03 | 2024-02-29 01:02:03.000

--# instants_compare_whatever_their_offset
DECLARE @a datetimeoffset = '2024-01-01 12:00 +02:00', @b datetimeoffset = '2024-01-01 10:00 +00:00', @c datetimeoffset = '2024-01-01 11:00 +00:00'; SELECT CASE WHEN @a = @b THEN 1 ELSE 0 END, CASE WHEN @a < @c THEN 1 ELSE 0 END, CASE WHEN @b <> @a THEN 1 ELSE 0 END
--= 1 | 1 | 0

--# offsets_sort_and_group_by_instant
CREATE TABLE #o (Id int, At datetimeoffset(0)); INSERT INTO #o VALUES (1, '2024-01-01 12:00 +02:00'), (2, '2024-01-01 09:00 +00:00'), (3, '2024-01-01 10:00 +00:00'); SELECT Id FROM #o ORDER BY At, Id; SELECT COUNT(*) FROM #o GROUP BY At ORDER BY COUNT(*); SELECT COUNT(DISTINCT At) FROM #o
--= 2
--= 1
--= 3
--: *
--= 1
--= 2
--: *
--= 2

--# a_key_of_offsets_holds_an_instant_once
CREATE TABLE #k (At datetimeoffset(0) NOT NULL PRIMARY KEY); INSERT INTO #k VALUES ('2024-01-01 12:00 +02:00'); INSERT INTO #k VALUES ('2024-01-01 10:00 +00:00')
--! 2627

--# the_smallest_and_largest_are_found_by_instant
CREATE TABLE #m (At datetimeoffset(0)); INSERT INTO #m VALUES ('2024-01-01 12:00 +05:00'), ('2024-01-01 09:00 +00:00'); SELECT MIN(At), MAX(At) FROM #m
--= 2024-01-01 12:00:00 +05:00 | 2024-01-01 09:00:00 +00:00

--# an_offset_beyond_fourteen_hours_is_refused
SELECT CAST('2024-01-01 12:00 +14:01' AS datetimeoffset)
--! 241, level 16

--# switchoffset_keeps_the_instant
SELECT SWITCHOFFSET(CAST('2024-01-01 12:00 +02:00' AS datetimeoffset(0)), '-05:00'), SWITCHOFFSET(CAST('2024-01-01 12:00 +02:00' AS datetimeoffset(0)), 90)
--: datetimeoffset(0) | datetimeoffset(0)
--= 2024-01-01 05:00:00 -05:00 | 2024-01-01 11:30:00 +01:30

--# todatetimeoffset_keeps_the_local_time
SELECT TODATETIMEOFFSET(CAST('2024-01-01 12:00' AS datetime2(0)), '+02:00')
--: datetimeoffset(0)
--= 2024-01-01 12:00:00 +02:00

--# dateadd_keeps_the_offset
SELECT DATEADD(hour, 20, CAST('2024-01-01 12:00 +02:00' AS datetimeoffset(0))), DATEADD(month, 1, CAST('2024-01-31 00:30 +02:00' AS datetimeoffset(0)))
--: datetimeoffset(0) | datetimeoffset(0)
--= 2024-01-02 08:00:00 +02:00 | 2024-02-29 00:30:00 +02:00

--# datediff_counts_in_utc
SELECT DATEDIFF(day, CAST('2024-01-01 00:30 +02:00' AS datetimeoffset), CAST('2024-01-01 12:00 +02:00' AS datetimeoffset)), DATEDIFF(hour, CAST('2024-01-01 12:00 +02:00' AS datetimeoffset), CAST('2024-01-01 12:00 +00:00' AS datetimeoffset))
--= 1 | 2

--# datepart_reads_the_local_time
SELECT DATEPART(hour, CAST('2024-01-01 12:45 +02:00' AS datetimeoffset)), DATEPART(day, CAST('2024-01-01 00:30 +02:00' AS datetimeoffset)), DATEPART(tzoffset, CAST('2024-01-01 12:45 -02:30' AS datetimeoffset))
--= 12 | 1 | -150

--# a_datetime2_beside_an_offset_is_utc
SELECT CASE WHEN CAST('2024-01-01 12:00 +02:00' AS datetimeoffset) = CAST('2024-01-01 10:00' AS datetime2) THEN 1 ELSE 0 END
--= 1

--# sysdatetimeoffset_is_a_datetimeoffset
SELECT SYSDATETIMEOFFSET() AS Now WHERE 1 = 0
--: Now datetimeoffset(7)
