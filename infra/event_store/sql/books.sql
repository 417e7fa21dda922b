-- Whether what a log keeps beside its events agrees with them, by name. {log}: the log. $1 shard.
-- Each returns one text that names the first thing that is wrong, and nothing if all is well.

-- name: streams
-- The heads of streams are the last versions of their events, and every stream has one.
select format('stream %s of %s ends with version %s, its head says %s', coalesce(e.stream, h.stream),
              coalesce(e.tenant, h.tenant), coalesce(e.version::text, 'none'), coalesce(h.version::text, 'none'))
from (
    select tenant, stream, max(version) as version from {log}.event where shard = $1 group by tenant, stream
) e
full join (select tenant, stream, version from {log}.stream_head where shard = $1) h
    on h.tenant = e.tenant and h.stream = e.stream
where e.version is distinct from h.version
order by coalesce(e.tenant, h.tenant), coalesce(e.stream, h.stream)
limit 1;

-- name: commands
-- Every event was brought about by exactly one accepted command: their positions follow each other without a gap.
select format('command %s of %s covers positions %s to %s, %s was expected first', c.command_id, c.actor,
              c.first_position, c.last_position, c.expected)
from (
    select command_id, actor, first_position, last_position,
           coalesce(lag(last_position) over (order by first_position), 0) + 1 as expected
    from {log}.command
    where shard = $1 and first_position is not null
) c
where c.first_position <> c.expected or c.last_position < c.first_position
order by c.expected
limit 1;

-- name: last_command
-- The last accepted command ends where the log does.
select format('the last accepted command ends at position %s, the log at %s', c.position, h.position)
from {log}.shard_head h
cross join lateral (
    select coalesce(max(last_position), 0) as position from {log}.command where shard = h.shard
) c
where h.shard = $1 and h.position <> c.position;

-- name: books
-- A book lies in the one shard where it is placed.
select format('the book of %s has a stream here, and is placed in shard %s', s.tenant, coalesce(p.shard::text, 'none'))
from {log}.stream_head s
left join {log}.placement p on p.tenant = s.tenant
where s.shard = $1 and p.shard is distinct from $1
order by s.tenant
limit 1;
