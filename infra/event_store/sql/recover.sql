-- Bringing back events that a restored log has lost, as an administrator, by name. {log}: the log.

-- name: hold_head
-- $1 shard
select position, chain from {log}.shard_head where shard = $1 for update;

-- name: placed_elsewhere
-- $1 shard, $2 tenants
select p.tenant, p.shard from {log}.placement p
where p.tenant = any ($2::text[]) and p.shard <> $1
order by p.tenant
limit 1;

-- name: place_books
-- $1 shard, $2 tenants
insert into {log}.placement (tenant, shard) select t, $1 from unnest($2::text[]) t
on conflict do nothing;

-- name: add_events
-- $1 shard, then one array a column
insert into {log}.event (shard, position, version, effective_at, recorded_at, event_id, tenant, counterparty, stream,
                         type, payload, meta, chain)
select $1, e.*
from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::uuid[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[]) e;

-- name: move_streams
-- $1 shard, $2 tenants, $3 streams, $4 versions
insert into {log}.stream_head (shard, tenant, stream, version)
select $1, u.tenant, u.stream, max(u.version)
from unnest($2::text[], $3::text[], $4::bigint[]) u(tenant, stream, version)
group by u.tenant, u.stream
on conflict (shard, tenant, stream) do update set version = excluded.version;

-- name: add_commands
-- $1 shard, $2 tenants, $3 actors, $4 ids, $5 first positions, $6 last positions, $7 recorded_at
-- What a command said is not on the topic: an empty digest is that of any content.
insert into {log}.command (shard, tenant, actor, command_id, digest, first_position, last_position, recorded_at)
select $1, u.tenant, u.actor, u.id, ''::bytea, u.first, u.last, u.recorded_at
from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::timestamptz[])
     u(tenant, actor, id, first, last, recorded_at)
on conflict (shard, tenant, actor, command_id) do update set last_position = excluded.last_position;

-- name: move_head
-- $1 shard, $2 position, $3 chain, $4 recorded_at
update {log}.shard_head set position = $2, chain = $3, recorded_at = $4 where shard = $1;
