-- What the roles may do: rows only, no table can be made, changed or dropped. An administrator runs it in the
-- database of the shop after the first `authoring-api migrate`, and again when an update of this file says so;
-- running it again changes nothing.

-- Every process: the version of the schema, the change feed, the records of its own commits.
GRANT SELECT ON OBJECT::Platform.Migration TO stoa_process;
GRANT SELECT, UPDATE ON OBJECT::Platform.FeedHead TO stoa_process;
GRANT SELECT, INSERT, DELETE ON OBJECT::Platform.ChangeFeed TO stoa_process;
GRANT SELECT, INSERT, DELETE ON OBJECT::Platform.[Commit] TO stoa_process;
GO
-- frontend-api reads what is published, and nothing else of the shop.
GRANT SELECT ON OBJECT::Commerce.Store TO stoa_storefront;
GRANT SELECT ON OBJECT::Commerce.PublishedProduct TO stoa_storefront;
GRANT SELECT ON OBJECT::Commerce.PublishedCategory TO stoa_storefront;
GO
-- authoring-api edits the shop and its accounts, keeps uploads, enqueues jobs and looks at them.
-- Audit rows are added, never read, changed or deleted.
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::Commerce TO stoa_merchant;
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::Accounts TO stoa_merchant;
GRANT SELECT, INSERT, UPDATE ON OBJECT::Platform.Blob TO stoa_merchant;
GRANT SELECT, INSERT ON OBJECT::Platform.BlobPart TO stoa_merchant;
GRANT INSERT ON OBJECT::Platform.AuditLog TO stoa_merchant;
GRANT SELECT, INSERT, UPDATE ON OBJECT::Platform.PushNotification TO stoa_merchant;
GRANT SELECT, INSERT, UPDATE ON OBJECT::Platform.UserFeed TO stoa_merchant;
GRANT SELECT ON SCHEMA::HangFire TO stoa_merchant;
GRANT SELECT ON SCHEMA::Jobs TO stoa_merchant;
GRANT INSERT, UPDATE ON OBJECT::HangFire.Job TO stoa_merchant;
GRANT INSERT ON OBJECT::HangFire.State TO stoa_merchant;
GRANT INSERT, UPDATE, DELETE ON OBJECT::HangFire.JobParameter TO stoa_merchant;
GRANT INSERT ON OBJECT::HangFire.JobQueue TO stoa_merchant;
-- What people do on its pages: delete, requeue, run now; recurring jobs; queues that rest.
GRANT INSERT, UPDATE, DELETE ON OBJECT::HangFire.[Set] TO stoa_merchant;
GRANT INSERT, DELETE ON OBJECT::HangFire.Hash TO stoa_merchant;
GRANT INSERT ON OBJECT::HangFire.Counter TO stoa_merchant;
GRANT INSERT, DELETE ON OBJECT::Jobs.PausedQueue TO stoa_merchant;
GRANT DELETE ON OBJECT::Jobs.Hold TO stoa_merchant;
GRANT DELETE ON OBJECT::Jobs.Shelf TO stoa_merchant;
GRANT DELETE ON OBJECT::Jobs.Delivery TO stoa_merchant;
GO
-- Whoever runs jobs: the job tables, and what the handlers work on. No accounts.
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::HangFire TO stoa_jobs;
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::Jobs TO stoa_jobs;
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::Commerce TO stoa_jobs;
GRANT SELECT ON OBJECT::Platform.Blob TO stoa_jobs;
GRANT SELECT ON OBJECT::Platform.BlobPart TO stoa_jobs;
GRANT INSERT ON OBJECT::Platform.AuditLog TO stoa_jobs;
GRANT SELECT, INSERT, UPDATE, DELETE ON OBJECT::Platform.PushNotification TO stoa_jobs;
GRANT SELECT, INSERT, UPDATE ON OBJECT::Platform.UserFeed TO stoa_jobs;
GO
