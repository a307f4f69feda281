INSERT INTO Platform.[Commit] (TxId, Fenced) VALUES (@P1, 1);
