-- The four logins. An administrator runs it once per server, in the database master, with passwords of their own:
--   sqlcmd -d master -i logins.sql -v MigratorPassword="…" FrontendPassword="…" AuthoringPassword="…" WorkerPassword="…"
-- A password is changed later with ALTER LOGIN … WITH PASSWORD. Next: users.sql.
IF NOT EXISTS (SELECT 1 FROM sys.sql_logins AS l WHERE l.name = N'stoa_migrator')
    CREATE LOGIN stoa_migrator WITH PASSWORD = N'$(MigratorPassword)';
IF NOT EXISTS (SELECT 1 FROM sys.sql_logins AS l WHERE l.name = N'stoa_frontend_api')
    CREATE LOGIN stoa_frontend_api WITH PASSWORD = N'$(FrontendPassword)';
IF NOT EXISTS (SELECT 1 FROM sys.sql_logins AS l WHERE l.name = N'stoa_authoring_api')
    CREATE LOGIN stoa_authoring_api WITH PASSWORD = N'$(AuthoringPassword)';
IF NOT EXISTS (SELECT 1 FROM sys.sql_logins AS l WHERE l.name = N'stoa_job_worker')
    CREATE LOGIN stoa_job_worker WITH PASSWORD = N'$(WorkerPassword)';
GO
