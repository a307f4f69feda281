-- The four logins. An administrator runs it once per server, in the database master, with passwords of their own:
--   sqlcmd -d master -i logins.sql -v MigratorPassword="…" FrontendPassword="…" AuthoringPassword="…" WorkerPassword="…"
-- (a ' in a password is written twice). One statement a batch, as Azure SQL wants it. A login that is there already is
-- error 15025 and stays as it is; its password is changed with ALTER LOGIN … WITH PASSWORD. Next: users.sql.
CREATE LOGIN stoa_migrator WITH PASSWORD = N'$(MigratorPassword)';
GO
CREATE LOGIN stoa_frontend_api WITH PASSWORD = N'$(FrontendPassword)';
GO
CREATE LOGIN stoa_authoring_api WITH PASSWORD = N'$(AuthoringPassword)';
GO
CREATE LOGIN stoa_job_worker WITH PASSWORD = N'$(WorkerPassword)';
GO
