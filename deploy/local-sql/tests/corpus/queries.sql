-- SELECT: joins, grouping, subqueries, common table expressions, set operators, windows, TOP, OFFSET. Sources: "SELECT",
-- "FROM", "GROUP BY", "WITH common_table_expression", "OVER clause", "TOP", "ORDER BY clause".

--# joins_of_every_kind
SELECT a.v AS a, b.v AS b FROM (VALUES (1), (2)) AS a (v) INNER JOIN (VALUES (2), (3)) AS b (v) ON a.v = b.v; SELECT a.v, b.v FROM (VALUES (1), (2)) AS a (v) LEFT JOIN (VALUES (2), (3)) AS b (v) ON a.v = b.v ORDER BY a.v; SELECT a.v, b.v FROM (VALUES (1), (2)) AS a (v) RIGHT OUTER JOIN (VALUES (2), (3)) AS b (v) ON a.v = b.v ORDER BY b.v; SELECT a.v, b.v FROM (VALUES (1), (2)) AS a (v) FULL JOIN (VALUES (2), (3)) AS b (v) ON a.v = b.v ORDER BY COALESCE(a.v, b.v)
--: a int | b int
--= 2 | 2
--: int | int
--= 1 | NULL
--= 2 | 2
--: *
--= 2 | 2
--= NULL | 3
--: *
--= 1 | NULL
--= 2 | 2
--= NULL | 3

--# a_cross_join_pairs_all
SELECT COUNT(*) FROM (VALUES (1), (2)) AS a (v) CROSS JOIN (VALUES (1), (2), (3)) AS b (v); SELECT COUNT(*) FROM (VALUES (1), (2)) AS a (v), (VALUES (1), (2), (3)) AS b (v)
--= 6
--: *
--= 6

--# a_joined_join
SELECT a.v, c.v FROM (VALUES (1), (2)) AS a (v) LEFT JOIN ((VALUES (1)) AS b (v) INNER JOIN (VALUES (1)) AS c (v) ON b.v = c.v) ON a.v = b.v ORDER BY a.v
--= 1 | 1
--= 2 | NULL

--# group_by_with_having
SELECT k, COUNT(*) AS n, SUM(v) AS s, AVG(v) AS a, MIN(v) AS lo, MAX(v) AS hi FROM (VALUES ('x', 1), ('x', 2), ('y', 5)) AS t (k, v) GROUP BY k HAVING COUNT(*) > 1
--: k varchar(1) | n int | s int | a int | lo int | hi int
--= 'x' | 2 | 3 | 1 | 1 | 2

--# aggregates_leave_null_out
SELECT COUNT(*), COUNT(v), SUM(v), AVG(v), COUNT(DISTINCT v) FROM (VALUES (1), (NULL), (1), (4)) AS t (v)
--: int | int | int | int | int
--= 4 | 3 | 6 | 2 | 2

--# aggregates_of_nothing
SELECT COUNT(*), SUM(v), MAX(v) FROM (VALUES (1)) AS t (v) WHERE v > 1
--= 0 | NULL | NULL

--# a_column_that_is_not_grouped_is_error_8120
SELECT k, v FROM (VALUES (1, 2)) AS t (k, v) GROUP BY k
--! 8120, level 16, state 1: Column 't.v' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.

--# an_aggregate_in_where_is_error_147
SELECT 1 FROM (VALUES (1)) AS t (v) WHERE COUNT(*) > 0
--! 147, level 15, state 1

--# sum_of_int_overflows
SELECT SUM(v) FROM (VALUES (2147483647), (1)) AS t (v)
--! 8115, level 16, state 2: Arithmetic overflow error converting expression to data type int.

--# types_of_sums
SELECT SUM(CAST(1 AS tinyint)), SUM(CAST(1 AS bigint)), SUM(1e0), AVG(CAST(1 AS smallint)), COUNT_BIG(*)
--: int | bigint | float | int | bigint
--= 1 | 1 | 1 | 1 | 1

--# a_bit_has_no_sum
SELECT SUM(CAST(1 AS bit))
--! 8117, level 16, state 1: Operand data type bit is invalid for sum operator.

--# grouping_by_an_expression
SELECT v % 2, COUNT(*) FROM (VALUES (1), (2), (3)) AS t (v) GROUP BY v % 2 ORDER BY v % 2
--= 0 | 1
--= 1 | 2

--# a_subquery_is_a_value
SELECT (SELECT MAX(v) FROM (VALUES (1), (3)) AS t (v)) + 1, (SELECT 1 WHERE 1 = 0)
--= 4 | NULL

--# a_subquery_of_two_rows_is_error_512
SELECT (SELECT v FROM (VALUES (1), (2)) AS t (v))
--! 512, level 16, state 1: Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.

--# a_subquery_of_two_columns_is_error_116
SELECT (SELECT 1, 2)
--! 116, level 16, state 1: Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.

--# a_correlated_subquery_sees_the_outer_row
SELECT a.v, (SELECT COUNT(*) FROM (VALUES (1), (1), (2)) AS b (v) WHERE b.v = a.v) FROM (VALUES (1), (2), (3)) AS a (v) ORDER BY a.v
--= 1 | 2
--= 2 | 1
--= 3 | 0

--# apply_sees_the_row_beside_it
SELECT a.v, x.w FROM (VALUES (1), (2)) AS a (v) CROSS APPLY (SELECT a.v * 10 AS w UNION ALL SELECT a.v * 100) AS x ORDER BY x.w
--= 1 | 10
--= 2 | 20
--= 1 | 100
--= 2 | 200

--# outer_apply_keeps_rows_without_match
SELECT a.v, x.w FROM (VALUES (1), (2)) AS a (v) OUTER APPLY (SELECT TOP (1) b.w FROM (VALUES (1, 5), (1, 7)) AS b (v, w) WHERE b.v = a.v ORDER BY b.w DESC) AS x ORDER BY a.v
--= 1 | 7
--= 2 | NULL

--# common_table_expressions_build_on_each_other
WITH a AS (SELECT 1 AS v UNION ALL SELECT 2), b (w) AS (SELECT v * 10 FROM a) SELECT a.v, b.w FROM a INNER JOIN b ON b.w = a.v * 10 ORDER BY a.v
--: v int | w int
--= 1 | 10
--= 2 | 20

--# a_recursive_expression_counts
WITH n AS (SELECT 1 AS v UNION ALL SELECT v + 1 FROM n WHERE v < 5) SELECT v FROM n ORDER BY v
--: v int
--= 1
--= 2
--= 3
--= 4
--= 5

--# a_recursive_expression_walks_a_tree
WITH t (Id, ParentId) AS (SELECT * FROM (VALUES (1, NULL), (2, 1), (3, 1), (4, 3)) AS v (Id, ParentId)), down AS (SELECT Id, 0 AS Depth FROM t WHERE ParentId IS NULL UNION ALL SELECT t.Id, d.Depth + 1 FROM t INNER JOIN down AS d ON d.Id = t.ParentId) SELECT Id, Depth FROM down ORDER BY Id
--= 1 | 0
--= 2 | 1
--= 3 | 1
--= 4 | 2

--# a_recursion_ends_after_a_hundred_levels
WITH n AS (SELECT 1 AS v UNION ALL SELECT v + 1 FROM n) SELECT MAX(v) FROM n
--! 530, level 16, state 1: The statement terminated. The maximum recursion 100 has been exhausted before statement completion.

--# maxrecursion_moves_the_limit
WITH n AS (SELECT 1 AS v UNION ALL SELECT v + 1 FROM n WHERE v < 300) SELECT MAX(v) FROM n OPTION (MAXRECURSION 0)
--= 300

--# both_parts_of_a_recursion_have_the_same_types
WITH n AS (SELECT 1 AS v UNION ALL SELECT CAST(v + 1 AS bigint) FROM n WHERE v < 5) SELECT v FROM n
--! 240, level 16, state 1: Types don't match between the anchor and the recursive part in column "v" of recursive query "n".

--# union_takes_duplicates_out
SELECT 1 AS v UNION SELECT 1 UNION SELECT 2 ORDER BY v
--: v int
--= 1
--= 2

--# union_all_keeps_them
SELECT 1 AS v UNION ALL SELECT 1 ORDER BY v
--= 1
--= 1

--# except_and_intersect
SELECT v FROM (VALUES (1), (2), (2), (NULL)) AS a (v) EXCEPT SELECT 1 ORDER BY v; SELECT v FROM (VALUES (1), (2), (NULL)) AS a (v) INTERSECT SELECT v FROM (VALUES (2), (NULL)) AS b (v) ORDER BY v
--= NULL
--= 2
--: *
--= NULL
--= 2

--# intersect_binds_tighter_than_union
SELECT 1 AS v UNION SELECT 2 INTERSECT SELECT 3 ORDER BY v
--= 1

--# unequal_widths_are_error_205
SELECT 1 UNION SELECT 1, 2
--! 205, level 16, state 1: All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.

--# union_converts_to_the_higher_type
SELECT 1 AS v UNION ALL SELECT 2.5e0
--: v float
--= 1
--= 2.5

--# top_takes_the_first_rows
SELECT TOP (2) v FROM (VALUES (3), (1), (2)) AS t (v) ORDER BY v; SELECT TOP 1 v FROM (VALUES (3), (1)) AS t (v) ORDER BY v DESC; DECLARE @n int = 0; SELECT TOP (@n) v FROM (VALUES (3)) AS t (v)
--= 1
--= 2
--: *
--= 3
--: *

--# offset_and_fetch_take_a_page
SELECT v FROM (VALUES (1), (2), (3), (4)) AS t (v) ORDER BY v OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY; SELECT v FROM (VALUES (1), (2), (3)) AS t (v) ORDER BY v OFFSET 2 ROWS
--= 2
--= 3
--: *
--= 3

--# top_and_offset_exclude_each_other
SELECT TOP (1) v FROM (VALUES (1)) AS t (v) ORDER BY v OFFSET 0 ROWS
--! 10741, level 15, state 2

--# order_by_a_column_that_is_not_selected
SELECT a FROM (VALUES (1, 2), (2, 1)) AS t (a, b) ORDER BY b
--= 2
--= 1

--# order_by_position_and_alias
SELECT a AS x, b FROM (VALUES (1, 2), (2, 1)) AS t (a, b) ORDER BY 2; SELECT -a AS x FROM (VALUES (1), (2)) AS t (a) ORDER BY x
--= 2 | 1
--= 1 | 2
--: *
--= -2
--= -1

--# distinct_orders_by_what_it_selects
SELECT DISTINCT a FROM (VALUES (1, 2), (1, 1)) AS t (a, b) ORDER BY b
--! 145, level 15, state 1: ORDER BY items must appear in the select list if SELECT DISTINCT is specified.

--# order_by_in_a_subquery_needs_top
SELECT v FROM (SELECT v FROM (VALUES (1)) AS t (v) ORDER BY v) AS d
--! 1033, level 15, state 1: The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified.

--# a_derived_table_needs_column_names
SELECT * FROM (SELECT 1) AS t
--! 8155, level 16, state 2: No column name was specified for column 1 of 't'.

--# a_derived_table_names_a_column_once
SELECT * FROM (SELECT 1 AS a, 2 AS a) AS t
--! 8156, level 16, state 1: The column 'a' was specified multiple times for 't'.

--# window_functions_number_rows
SELECT v, ROW_NUMBER() OVER (ORDER BY v), RANK() OVER (ORDER BY v), DENSE_RANK() OVER (ORDER BY v), COUNT(*) OVER (), SUM(v) OVER (PARTITION BY v) FROM (VALUES (1), (2), (2), (3)) AS t (v) ORDER BY 2
--: int | bigint | bigint | bigint | int | int
--= 1 | 1 | 1 | 1 | 4 | 1
--= 2 | 2 | 2 | 2 | 4 | 4
--= 2 | 3 | 2 | 2 | 4 | 4
--= 3 | 4 | 4 | 3 | 4 | 3

--# lag_and_lead_look_beside
SELECT v, LAG(v) OVER (ORDER BY v), LEAD(v) OVER (ORDER BY v), LAG(v, 2, 0) OVER (ORDER BY v) FROM (VALUES (1), (2), (4)) AS t (v) ORDER BY v
--= 1 | NULL | 2 | 0
--= 2 | 1 | 4 | 0
--= 4 | 2 | NULL | 1

--# a_window_frame
SELECT v, SUM(v) OVER (ORDER BY v ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), SUM(v) OVER (ORDER BY v ROWS UNBOUNDED PRECEDING) FROM (VALUES (1), (2), (4)) AS t (v) ORDER BY v
--= 1 | 1 | 1
--= 2 | 3 | 3
--= 4 | 6 | 7

--# case_in_both_forms
SELECT CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' ELSE 'c' END, CASE WHEN 1 = 2 THEN 1 END, CASE NULL WHEN NULL THEN 1 ELSE 2 END
--= 'b' | NULL | 2

--# case_does_not_evaluate_the_other_branches
SELECT CASE WHEN 1 = 1 THEN 1 ELSE 1 / (SELECT 0) END
--= 1

--# hints_are_accepted
CREATE TABLE dbo.Hinted (Id int NOT NULL PRIMARY KEY); SELECT Id FROM dbo.Hinted WITH (NOLOCK) OPTION (RECOMPILE); SELECT h.Id FROM dbo.Hinted AS h WITH (UPDLOCK, READPAST, ROWLOCK)
--: Id int
--: Id int

--# any_and_all_compare_with_a_query
SELECT CASE WHEN 2 > ALL (SELECT v FROM (VALUES (1), (0)) AS t (v)) THEN 1 ELSE 0 END, CASE WHEN 1 = ANY (SELECT v FROM (VALUES (1), (5)) AS t (v)) THEN 1 ELSE 0 END, CASE WHEN 1 < SOME (SELECT v FROM (VALUES (1), (0)) AS t (v)) THEN 1 ELSE 0 END
--= 1 | 1 | 0

--# select_into_makes_a_table
SELECT 1 AS a, N'x' AS b, CAST(1.5 AS decimal(5,2)) AS c INTO #made; SELECT a, b, c FROM #made
--: a int | b nvarchar(1) | c decimal(5,2)
--= 1 | 'x' | 1.50

--# an_assignment_accumulates_over_rows
DECLARE @s int = 0; SELECT @s = @s + v FROM (VALUES (1), (2), (3)) AS t (v); SELECT @s
--= 6
