DELETE TOP (@P1) FROM Platform.[Commit] WHERE At < DATEADD(second, -@P2, SYSUTCDATETIME());
