-- The first commerce tables: stores, products with their variants, what is published of them, imports; and the
-- audit log and the blobs, which later parts share.
-- Codes (store ids, slugs, SKUs, category keys) are written normalised and compared by their bytes.
IF SCHEMA_ID(N'Commerce') IS NULL
    EXEC (N'CREATE SCHEMA [Commerce]');
IF SCHEMA_ID(N'Platform') IS NULL
    EXEC (N'CREATE SCHEMA [Platform]');
GO
CREATE TABLE Commerce.Store (
    Id nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Name nvarchar(255) NOT NULL,
    Currency nvarchar(3) NOT NULL,
    Language nvarchar(35) NOT NULL,
    Version bigint NOT NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Commerce_Store_CreatedAt DEFAULT SYSUTCDATETIME(),
    UpdatedAt datetime2(7) NOT NULL CONSTRAINT DF_Commerce_Store_UpdatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Commerce_Store PRIMARY KEY CLUSTERED (Id)
);

-- Content is the working copy as JSON: everything a merchant writes except the variants. The columns beside it are
-- what SQL has to find, compare or count.
-- ContentHash covers content and variants: equal hashes are equal products.
-- ImportId is the last import that met the product, changed or not.
CREATE TABLE Commerce.Product (
    Id bigint IDENTITY(1, 1) NOT NULL,
    StoreId nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CategoryKey nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    Published bit NOT NULL,
    Content nvarchar(max) NOT NULL,
    ContentHash nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    ImportId bigint NULL,
    Version bigint NOT NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Commerce_Product_CreatedAt DEFAULT SYSUTCDATETIME(),
    UpdatedAt datetime2(7) NOT NULL CONSTRAINT DF_Commerce_Product_UpdatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Commerce_Product PRIMARY KEY CLUSTERED (Id),
    CONSTRAINT UQ_Commerce_Product_Slug UNIQUE NONCLUSTERED (StoreId, Slug),
    CONSTRAINT FK_Commerce_Product_Store FOREIGN KEY (StoreId) REFERENCES Commerce.Store (Id)
);

-- Prices are whole minor units of the product's currency. Sku is the normalised key; Detail is JSON with the words
-- of the variant: the SKU as written and the option values.
CREATE TABLE Commerce.Variant (
    ProductId bigint NOT NULL,
    Position int NOT NULL,
    Sku nvarchar(300) COLLATE Latin1_General_100_BIN2 NULL,
    Price bigint NOT NULL,
    CompareAtPrice bigint NULL,
    Grams int NOT NULL,
    InventoryQuantity int NOT NULL,
    Detail nvarchar(max) NOT NULL,
    CONSTRAINT PK_Commerce_Variant PRIMARY KEY CLUSTERED (ProductId, Position),
    CONSTRAINT FK_Commerce_Variant_Product FOREIGN KEY (ProductId) REFERENCES Commerce.Product (Id)
);

-- The finished JSON of each published product. Frontends read nothing else. Written with the product, in its
-- transaction, so there is no foreign key to check a second time.
CREATE TABLE Commerce.PublishedProduct (
    StoreId nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL,
    ProductId bigint NOT NULL,
    Slug nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Version bigint NOT NULL,
    Document nvarchar(max) NOT NULL,
    Summary nvarchar(max) NOT NULL,
    CONSTRAINT PK_Commerce_PublishedProduct PRIMARY KEY CLUSTERED (StoreId, ProductId),
    CONSTRAINT UQ_Commerce_PublishedProduct_Slug UNIQUE NONCLUSTERED (StoreId, Slug)
);

-- One row for the product's category and one for each that contains it: a list is a seek.
CREATE TABLE Commerce.PublishedCategory (
    StoreId nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CategoryKey nvarchar(300) COLLATE Latin1_General_100_BIN2 NOT NULL,
    ProductId bigint NOT NULL,
    CONSTRAINT PK_Commerce_PublishedCategory PRIMARY KEY CLUSTERED (StoreId, CategoryKey, ProductId)
);
CREATE NONCLUSTERED INDEX IX_Commerce_PublishedCategory_ProductId
    ON Commerce.PublishedCategory (StoreId, ProductId);

-- Length is NULL until the last part is written.
CREATE TABLE Platform.Blob (
    Id bigint IDENTITY(1, 1) NOT NULL,
    Name nvarchar(255) NOT NULL,
    ContentType nvarchar(255) NOT NULL,
    Length bigint NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Platform_Blob_CreatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_Platform_Blob PRIMARY KEY CLUSTERED (Id)
);

-- All parts but the last have the same length (256 KiB), so a byte is found without reading the parts before it.
CREATE TABLE Platform.BlobPart (
    BlobId bigint NOT NULL,
    Ordinal int NOT NULL,
    Data varbinary(max) NOT NULL,
    CONSTRAINT PK_Platform_BlobPart PRIMARY KEY CLUSTERED (BlobId, Ordinal),
    CONSTRAINT FK_Platform_BlobPart_Blob FOREIGN KEY (BlobId) REFERENCES Platform.Blob (Id)
);

CREATE TABLE Platform.AuditLog (
    Id bigint IDENTITY(1, 1) NOT NULL,
    At datetime2(7) NOT NULL CONSTRAINT DF_Platform_AuditLog_At DEFAULT SYSUTCDATETIME(),
    Actor nvarchar(255) NOT NULL,
    Action nvarchar(100) NOT NULL,
    Entity nvarchar(100) NOT NULL,
    EntityId nvarchar(100) NOT NULL,
    Detail nvarchar(max) NOT NULL,
    CONSTRAINT PK_Platform_AuditLog PRIMARY KEY CLUSTERED (Id)
);
CREATE NONCLUSTERED INDEX IX_Platform_AuditLog_Entity ON Platform.AuditLog (Entity, EntityId, Id);

-- State: Queued, Running, Completed, Failed. Everything up to CheckpointRow (in bytes: CheckpointByte) is done;
-- a run goes on from there. ListingPending: changes are committed whose listing tags are not raised yet.
CREATE TABLE Commerce.Import (
    Id bigint IDENTITY(1, 1) NOT NULL,
    StoreId nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL,
    BlobId bigint NOT NULL,
    FileName nvarchar(255) NOT NULL,
    State nvarchar(20) COLLATE Latin1_General_100_BIN2 NOT NULL,
    JobId bigint NULL,
    RowsRead bigint NOT NULL,
    RowsRefused bigint NOT NULL,
    ProductsCreated bigint NOT NULL,
    ProductsUpdated bigint NOT NULL,
    ProductsUnchanged bigint NOT NULL,
    ProductsRefused bigint NOT NULL,
    Refusals bigint NOT NULL,
    CheckpointRow bigint NOT NULL,
    CheckpointByte bigint NOT NULL,
    ListingPending bit NOT NULL,
    Error nvarchar(2000) NULL,
    Version bigint NOT NULL,
    CreatedAt datetime2(7) NOT NULL CONSTRAINT DF_Commerce_Import_CreatedAt DEFAULT SYSUTCDATETIME(),
    StartedAt datetime2(7) NULL,
    FinishedAt datetime2(7) NULL,
    CONSTRAINT PK_Commerce_Import PRIMARY KEY CLUSTERED (Id),
    CONSTRAINT FK_Commerce_Import_Store FOREIGN KEY (StoreId) REFERENCES Commerce.Store (Id),
    CONSTRAINT FK_Commerce_Import_Blob FOREIGN KEY (BlobId) REFERENCES Platform.Blob (Id)
);

-- The first refusals of an import, numbered from 1; Import.Refusals counts those that were not kept too. Detail is
-- JSON with column, value and reason.
CREATE TABLE Commerce.ImportRefusal (
    ImportId bigint NOT NULL,
    Number bigint NOT NULL,
    RowNumber bigint NOT NULL,
    Detail nvarchar(max) NOT NULL,
    CONSTRAINT PK_Commerce_ImportRefusal PRIMARY KEY CLUSTERED (ImportId, Number),
    CONSTRAINT FK_Commerce_ImportRefusal_Import FOREIGN KEY (ImportId) REFERENCES Commerce.Import (Id)
);
