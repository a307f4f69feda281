-- Functions that are in no other file. Sources: their pages in the T-SQL reference.

--# coalesce_takes_the_first_that_is_not_null
SELECT COALESCE(NULL, NULL, 3), COALESCE(NULL, N'a'), ISNULL(NULL, 5), ISNULL(N'a', N'b')
--= 3 | 'a' | 5 | 'a'

--# nullif_makes_null_of_equals
SELECT NULLIF(1, 2), NULLIF('a', 'A'), NULLIF(N'', N'')
--= 1 | NULL | NULL

--# iif_and_choose_pick
SELECT IIF(1 > 2, 'a', 'b'), CHOOSE(2, 'x', 'y', 'z'), CHOOSE(9, 'x')
--= 'b' | 'y' | NULL

--# newid_is_new_each_time
SELECT CASE WHEN NEWID() = NEWID() THEN 1 ELSE 0 END
--= 0

--# hashbytes_hashes
SELECT HASHBYTES('SHA2_256', 0x616263), HASHBYTES('SHA2_256', 'abc')
--= 0xBA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD | 0xBA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD

--# an_unknown_function_is_error_195
SELECT nosuchfunction(1)
--! 195, level 15, state 10: 'nosuchfunction' is not a recognized built-in function name.

--# a_wrong_number_of_arguments_is_error_174
SELECT LEN('a', 'b')
--! 174, level 15, state 1: The len function requires 1 argument(s).

--# greatest_and_least_by_case
SELECT CASE WHEN 3 > 2 THEN 3 ELSE 2 END, (SELECT MAX(v) FROM (VALUES (3), (7), (5)) AS t (v))
--= 3 | 7
