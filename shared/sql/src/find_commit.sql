SELECT c.Fenced, c.LogId, c.LastSeq FROM Platform.[Commit] AS c WHERE c.TxId = @P1;
