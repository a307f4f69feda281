-- JSON. Sources: "OPENJSON", "JSON_VALUE", "JSON_QUERY", "ISJSON", "JSON path expressions", error 13609.

--# openjson_without_a_schema_yields_keys_values_and_types
SELECT [key], value, type FROM OPENJSON(N'{"a":1.50,"b":null,"c":[1, 2],"d":"x","e":true,"f":{}}')
--: key nvarchar(4000) | value nvarchar(max) | type tinyint
--= 'a' | '1.50' | 2
--= 'b' | NULL | 0
--= 'c' | '[1, 2]' | 4
--= 'd' | 'x' | 1
--= 'e' | 'true' | 3
--= 'f' | '{}' | 5

--# openjson_of_an_array_numbers_its_elements
SELECT [key], value FROM OPENJSON(N'["a", "b"]')
--= '0' | 'a'
--= '1' | 'b'

--# openjson_with_a_schema_yields_typed_columns
SELECT * FROM OPENJSON(N'[{"id":1,"name":"A","at":"2024-02-29T01:02:03"},{"id":2}]') WITH (Id int '$.id', Name nvarchar(10) '$.name', At datetime2(0) '$.at')
--: Id int | Name nvarchar(10) | At datetime2(0)
--= 1 | 'A' | 2024-02-29 01:02:03
--= 2 | NULL | NULL

--# openjson_finds_columns_by_their_name
SELECT a, B FROM OPENJSON(N'[{"a":1,"B":2,"b":3}]') WITH (a int, B int)
--= 1 | 2

--# openjson_takes_a_path
SELECT value FROM OPENJSON(N'{"x":{"y":[5,6]}}', '$.x.y')
--= '5'
--= '6'

--# openjson_as_json_keeps_the_text
SELECT v FROM OPENJSON(N'[{"v":{"a":[1,2]}}]') WITH (v nvarchar(max) '$.v' AS JSON)
--= '{"a":[1,2]}'

--# openjson_of_null_is_empty
SELECT COUNT(*) FROM OPENJSON(CAST(NULL AS nvarchar(max)))
--= 0

--# openjson_beside_a_row
SELECT t.Id, x.value FROM (VALUES (1, N'[10,11]'), (2, N'[20]')) AS t (Id, v) CROSS APPLY OPENJSON(t.v) AS x ORDER BY x.value
--= 1 | '10'
--= 1 | '11'
--= 2 | '20'

--# text_that_is_no_json_is_error_13609
SELECT * FROM OPENJSON(N'{"a":')
--! 13609, level 16: JSON text is not properly formatted. Unexpected character *
SELECT JSON_VALUE(N'x', '$.a')
--! 13609, level 16: JSON text is not properly formatted. Unexpected character 'x' is found at position 0.

--# json_value_reads_a_scalar
SELECT JSON_VALUE(N'{"a":{"b":"c"}}', '$.a.b'), JSON_VALUE(N'{"a":[5,6]}', '$.a[1]'), JSON_VALUE(N'{"a":{}}', '$.a'), JSON_VALUE(N'{}', '$.a'), JSON_VALUE(N'{"a b":1}', '$."a b"'), JSON_VALUE(N'{"a":true}', '$.a')
--: nvarchar(4000) | nvarchar(4000) | nvarchar(4000) | nvarchar(4000) | nvarchar(4000) | nvarchar(4000)
--= 'c' | '6' | NULL | NULL | '1' | 'true'

--# json_query_reads_an_object_or_array
SELECT JSON_QUERY(N'{"a":{"b":1}}', '$.a'), JSON_QUERY(N'{"a":[1, 2]}', '$.a'), JSON_QUERY(N'{"a":1}', '$.a')
--= '{"b":1}' | '[1, 2]' | NULL

--# isjson_tells_whether_it_is
SELECT ISJSON(N'{}'), ISJSON(N'[]'), ISJSON(N'{'), ISJSON(NULL)
--= 1 | 1 | 0 | NULL

--# escapes_are_read
SELECT JSON_VALUE(N'{"a":"x\"y\u00e9\/"}', '$.a')
--= 'x"yé/'
