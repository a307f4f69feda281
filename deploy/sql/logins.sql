-- The four logins. An administrator runs it once per server, in the database master, with passwords of their own:
--   sqlcmd -d master -i logins.sql -v MigratorPassword="…" FrontendPassword="…" AuthoringPassword="…" WorkerPassword="…"
-- (without a ' in them). Each statement in a batch of its own, as Azure SQL wants it. A login that is there already
-- (error 15025) stays as it is; its password is changed with ALTER LOGIN … WITH PASSWORD. Next: users.sql.
BEGIN TRY
    EXEC (N'CREATE LOGIN stoa_migrator WITH PASSWORD = N''$(MigratorPassword)''');
END TRY
BEGIN CATCH
    IF ERROR_NUMBER() <> 15025 THROW;
END CATCH;
GO
BEGIN TRY
    EXEC (N'CREATE LOGIN stoa_frontend_api WITH PASSWORD = N''$(FrontendPassword)''');
END TRY
BEGIN CATCH
    IF ERROR_NUMBER() <> 15025 THROW;
END CATCH;
GO
BEGIN TRY
    EXEC (N'CREATE LOGIN stoa_authoring_api WITH PASSWORD = N''$(AuthoringPassword)''');
END TRY
BEGIN CATCH
    IF ERROR_NUMBER() <> 15025 THROW;
END CATCH;
GO
BEGIN TRY
    EXEC (N'CREATE LOGIN stoa_job_worker WITH PASSWORD = N''$(WorkerPassword)''');
END TRY
BEGIN CATCH
    IF ERROR_NUMBER() <> 15025 THROW;
END CATCH;
GO
