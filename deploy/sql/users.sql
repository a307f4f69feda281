-- A user for each login, and the roles. An administrator runs it once, in the database of the shop, after logins.sql
-- and before the first `authoring-api migrate`; running it again changes nothing. Next: migrate, then grants.sql.
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_migrator')
    CREATE USER stoa_migrator FOR LOGIN stoa_migrator;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_frontend_api')
    CREATE USER stoa_frontend_api FOR LOGIN stoa_frontend_api;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_authoring_api')
    CREATE USER stoa_authoring_api FOR LOGIN stoa_authoring_api;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_job_worker')
    CREATE USER stoa_job_worker FOR LOGIN stoa_job_worker;
GO
-- What every process needs, then what the storefront, the merchant's side and a job server need beside it.
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_process')
    CREATE ROLE stoa_process;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_storefront')
    CREATE ROLE stoa_storefront;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_merchant')
    CREATE ROLE stoa_merchant;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS p WHERE p.name = N'stoa_jobs')
    CREATE ROLE stoa_jobs;
GO
ALTER ROLE stoa_process ADD MEMBER stoa_frontend_api;
ALTER ROLE stoa_process ADD MEMBER stoa_authoring_api;
ALTER ROLE stoa_process ADD MEMBER stoa_job_worker;
ALTER ROLE stoa_storefront ADD MEMBER stoa_frontend_api;
ALTER ROLE stoa_merchant ADD MEMBER stoa_authoring_api;
ALTER ROLE stoa_jobs ADD MEMBER stoa_job_worker;
-- The migrations create schemas, tables and indexes, and read and write rows of any table.
ALTER ROLE db_ddladmin ADD MEMBER stoa_migrator;
ALTER ROLE db_datareader ADD MEMBER stoa_migrator;
ALTER ROLE db_datawriter ADD MEMBER stoa_migrator;
GO
-- Where authoring-api runs jobs itself (VirtoCommerce:Hangfire:UseHangfireServer = true), also:
--   ALTER ROLE stoa_jobs ADD MEMBER stoa_authoring_api;
