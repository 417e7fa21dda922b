-- Every statement that reads a log or calls its functions, by name. {log}: the log. A log's name is an identifier.

-- name: append
-- See append.sql for the 25 parameters.
select * from {log}.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                           $20, $21, $22, $23, $24, $25);

-- name: append_one
-- See append_one.sql for the 15 parameters.
select * from {log}.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: hold
-- $1 shard
select {log}.hold($1);

-- name: place
-- $1 tenant
select {log}.place($1);

-- name: placed
-- $1 tenant
select shard from {log}.placement where tenant = $1;

-- name: shard
-- $1 shard, $2 after this position, $3 at most so many
select position, tenant, counterparty, stream, version, event_id, type, effective_at, recorded_at, payload, meta,
       chain
from {log}.event
where shard = $1 and position > $2
order by position
limit $3;

-- name: stream
-- $1 shard, $2 tenant, $3 stream, $4 after this version, $5 up to this position
select position, tenant, counterparty, stream, version, event_id, type, effective_at, recorded_at, payload, meta,
       chain
from {log}.event
where shard = $1 and tenant = $2 and stream = $3 and version > $4 and position <= $5
order by version;

-- name: scan
-- $1 shard, $2 after this position, $3 up to this one. For COPY BINARY: fixed sizes first, see scan.py.
select position, version, effective_at, recorded_at, octet_length(tenant), octet_length(stream),
       octet_length(type), octet_length(payload), octet_length(meta), coalesce(octet_length(counterparty), -1),
       event_id, chain, tenant, stream, type, payload, meta, counterparty
from {log}.event
where shard = $1 and position > $2 and position <= $3
order by position

-- name: streams
-- $1 party, $2 shards, $3 the last position of each that counts, $4 and $5 the bounds of the category's names.
-- Own streams by their heads, those of a counterparty by the index over it; `offset 0` keeps the names from
-- being looked for in another index, which seems as good while the table is small.
select h.tenant, h.stream
from {log}.placement p
join unnest($2::integer[], $3::bigint[]) c(shard, position) on c.shard = p.shard
cross join lateral (
    select s.tenant, s.stream
    from {log}.stream_head s
    where s.shard = p.shard and s.tenant = $1 and s.stream >= $4 and s.stream < $5
      and c.position >= (
          select e.position from {log}.event e
          where e.shard = s.shard and e.tenant = s.tenant and e.stream = s.stream and e.version = 1
      )
) h
where p.tenant = $1
union
select o.tenant, o.stream
from unnest($2::integer[], $3::bigint[]) c(shard, position)
cross join lateral (
    select distinct s.tenant, s.stream
    from (
        select e.tenant, e.stream
        from {log}.event e
        where e.counterparty = $1 and e.shard = c.shard and e.position <= c.position
        offset 0
    ) s
    where s.stream >= $4 and s.stream < $5
) o;

-- name: heads
select shard, position, chain, recorded_at from {log}.shard_head order by shard;

-- name: known
-- $1 shard, $2 tenant, $3 actor, $4 command id
select first_position, last_position, recorded_at from {log}.command
where shard = $1 and tenant = $2 and actor = $3 and command_id = $4;

-- name: resolve
-- $1 instant
select shard, position from {log}.resolve($1);

-- name: now
select ledger.now();

-- name: snapshot
-- $1 shard, $2 tenant, $3 stream, $4 state version, $5 up to this position
select version, position, state from {log}.snapshot
where shard = $1 and tenant = $2 and stream = $3 and state_version = $4 and position <= $5
order by version desc
limit 1;

-- name: keep_snapshot
-- $1 shard, $2 tenant, $3 stream, $4 state version, $5 version, $6 position, $7 state
insert into {log}.snapshot (shard, tenant, stream, state_version, version, position, state)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing;

-- name: verify
-- $1 shard, $2 after this position, $3 up to this one
select * from {log}.verify($1, $2, $3);

-- name: row_security
-- $1 the table. Whether it is on, for the reader, without a policy for everybody and a partition open to it.
select c.relrowsecurity
   and exists (
       select from pg_policy p
       where p.polrelid = c.oid and p.polroles = array['capledger_reader'::regrole::oid]
   )
   and not exists (select from pg_policy p where p.polrelid = c.oid and 0 = any (p.polroles))
   and not exists (
       select from pg_inherits i
       where i.inhparent = c.oid and has_table_privilege('capledger_reader', i.inhrelid, 'select')
   )
from pg_class c
where c.oid = to_regclass($1);

-- name: role
select rolname, rolsuper, rolbypassrls from pg_roles where rolname = session_user;

-- name: setting
-- $1 name
select current_setting($1);

-- name: act_as_party
-- $1 party: whose events the reader's row security lets through, until the transaction ends
select set_config('capledger.party', $1, true);

-- name: of_party
-- $1 shard, $2 party, $3 after this position, $4 up to this one, $5 at most so many
(
    select position, tenant, counterparty, stream, version, event_id, type, effective_at, recorded_at, payload,
           meta, chain
    from {log}.event
    where shard = $1 and position > $3 and position <= $4 and tenant = $2
    order by position
    limit $5
)
union all
(
    select position, tenant, counterparty, stream, version, event_id, type, effective_at, recorded_at, payload,
           meta, chain
    from {log}.event
    where counterparty = $2 and shard = $1 and position > $3 and position <= $4 and tenant <> $2
    order by position
    limit $5
)
order by position
limit $5;
