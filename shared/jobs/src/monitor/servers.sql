-- Servers, ours and .NET's, and what ours run.
SELECT TOP (500) s.Id, s.Data, s.LastHeartbeat, DATEDIFF_BIG(millisecond, s.LastHeartbeat, SYSUTCDATETIME()) AS SilentMs,
    (SELECT COUNT(*) FROM Jobs.Lease AS l WHERE l.ServerId = s.Id) AS Running
FROM HangFire.Server AS s
ORDER BY s.Id;

SELECT h.ServerId, h.Handler FROM Jobs.ServerHandler AS h ORDER BY h.ServerId, h.Handler;
