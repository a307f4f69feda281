-- @P1 actor, @P2 entries as a JSON array.
INSERT INTO Platform.AuditLog (Actor, Action, Entity, EntityId, Detail)
SELECT @P1, x.Action, x.Entity, x.EntityId, x.Detail
FROM OPENJSON(@P2) WITH (
    Ordinal int '$.ordinal',
    Action nvarchar(100) '$.action',
    Entity nvarchar(100) '$.entity',
    EntityId nvarchar(100) '$.entityId',
    Detail nvarchar(max) '$.detail' AS JSON
) AS x
ORDER BY x.Ordinal;
