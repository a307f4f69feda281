-- Batches as the services of this project send them: several steps in one round trip. Sources: the statements of the
-- services, the shapes that the design describes.

--# change_numbers_come_in_commit_order
CREATE TABLE dbo.FeedHead (Id int NOT NULL PRIMARY KEY, Head bigint NOT NULL, Mark bigint NOT NULL); CREATE TABLE dbo.ChangeFeed (Seq bigint NOT NULL PRIMARY KEY, Tag bigint NOT NULL, Mark bigint NOT NULL); INSERT INTO dbo.FeedHead VALUES (1, 10, 0)
--ok
BEGIN TRANSACTION
--ok
SET NOCOUNT ON; DECLARE @h TABLE (Head bigint); UPDATE h SET h.Head = h.Head + 3, h.Mark = -7777777777777 OUTPUT inserted.Head INTO @h FROM dbo.FeedHead AS h WHERE h.Id = 1; INSERT INTO dbo.ChangeFeed (Seq, Tag, Mark) SELECT (SELECT Head FROM @h) - 3 + x.[key] + 1, CAST(x.value AS bigint), -7777777777777 FROM OPENJSON(N'[11,-22,9223372036854775807]') AS x; COMMIT TRANSACTION; SELECT Head FROM @h
--: Head bigint
--= 13
SELECT Seq, Tag, Mark FROM dbo.ChangeFeed ORDER BY Seq; SELECT @@TRANCOUNT
--: Seq bigint | Tag bigint | Mark bigint
--= 11 | 11 | -7777777777777
--= 12 | -22 | -7777777777777
--= 13 | 9223372036854775807 | -7777777777777
--: *
--= 0

--# a_set_travels_as_one_json_parameter
CREATE TABLE dbo.Row1 (Id int IDENTITY, Name nvarchar(20) NOT NULL, Price decimal(9,2) NOT NULL)
--ok
EXEC sp_executesql N'SET NOCOUNT ON; DECLARE @new TABLE (Id int, Name nvarchar(20)); INSERT INTO dbo.Row1 (Name, Price) OUTPUT inserted.Id, inserted.Name INTO @new SELECT x.Name, x.Price FROM OPENJSON(@rows) WITH (Ordinal int ''$.o'', Name nvarchar(20) ''$.n'', Price decimal(9,2) ''$.p'') AS x ORDER BY x.Ordinal; SELECT Id, Name FROM @new ORDER BY Id', N'@rows nvarchar(max)', @rows = N'[{"o":2,"n":"b","p":2.5},{"o":1,"n":"a","p":1}]'
--: Id int | Name nvarchar(20)
--= 1 | 'a'
--= 2 | 'b'

--# an_acknowledgement_is_fenced_by_the_state
CREATE TABLE dbo.Job1 (Id bigint NOT NULL PRIMARY KEY, StateId bigint NULL, StateName nvarchar(20) NULL); INSERT INTO dbo.Job1 VALUES (1, 5, N'Processing'), (2, 6, N'Processing'), (3, 7, N'Enqueued')
--ok
DECLARE @done TABLE (Id bigint); UPDATE j SET j.StateName = N'Succeeded' OUTPUT inserted.Id INTO @done FROM dbo.Job1 AS j INNER JOIN OPENJSON(N'[{"j":1,"s":5},{"j":2,"s":99},{"j":3,"s":7}]') WITH (JobId bigint '$.j', StateId bigint '$.s') AS x ON x.JobId = j.Id WHERE j.StateId = x.StateId AND j.StateName = N'Processing'; SELECT Id FROM @done
--= 1

--# a_batch_of_a_transaction_commits_whole
CREATE TABLE dbo.Step1 (Id int NOT NULL PRIMARY KEY); SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO dbo.Step1 VALUES (1); INSERT INTO dbo.Step1 VALUES (2); COMMIT; SELECT @@TRANCOUNT, COUNT(*) FROM dbo.Step1
--= 0 | 2

--# table_variables_link_the_steps_of_a_batch
DECLARE @a TABLE (Id int NOT NULL PRIMARY KEY, v nvarchar(10)); DECLARE @b TABLE (Id int IDENTITY, v nvarchar(10)); INSERT INTO @a VALUES (1, N'x'), (2, N'y'); INSERT INTO @b (v) SELECT v FROM @a ORDER BY Id DESC; UPDATE a SET a.v = b.v + N'!' FROM @a AS a INNER JOIN @b AS b ON b.Id = a.Id; SELECT Id, v FROM @a ORDER BY Id
--= 1 | 'y!'
--= 2 | 'x!'

--# commit_inside_a_parameterised_text_is_error_266
BEGIN TRANSACTION
--ok
EXEC sp_executesql N'COMMIT'; SELECT @@TRANCOUNT
--! 266, level 16, state 2: Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = 1, current count = 0.
--= 0
