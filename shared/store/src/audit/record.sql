-- @P1 entries as a JSON array.
INSERT INTO Platform.AuditLog (Actor, Action, Entity, EntityId, Detail)
SELECT x.Actor, x.Action, x.Entity, x.EntityId, x.Detail
FROM OPENJSON(@P1) WITH (
    Ordinal int '$.ordinal',
    Actor nvarchar(255) '$.actor',
    Action nvarchar(100) '$.action',
    Entity nvarchar(100) '$.entity',
    EntityId nvarchar(100) '$.entityId',
    Detail nvarchar(max) '$.detail'
) AS x
ORDER BY x.Ordinal;
