SELECT OBJECT_ID(N'Platform.Migration', N'U') AS TableId;
