SELECT TOP (1) u.Id FROM Accounts.[User] AS u;
