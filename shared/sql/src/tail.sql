IF @@TRANCOUNT <> 1 THROW 50001, N'the transaction is not open any more', 1;
INSERT INTO Platform.[Commit] (TxId, Fenced) VALUES (@TxId, 0);
COMMIT TRANSACTION;
