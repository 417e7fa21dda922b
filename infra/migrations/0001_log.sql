-- One log: a schema of its own, the same for every log.
-- {log}: its name. Shards are added by {log}.add_shard; none is ever removed.
create schema {log};

-- Which shard holds a tenant's book; written at its first event, never changed.
create table {log}.placement (
    tenant text collate "C" primary key,
    shard integer not null
);

-- The gap-free counter of a shard: one HOT update an append. Nothing is ever recorded at or before `sealed_at`.
create table {log}.shard_head (
    shard integer primary key,
    position bigint not null,
    chain bytea not null,
    recorded_at timestamptz,
    sealed_at timestamptz
) with (fillfactor = 20);

create table {log}.stream_head (
    version bigint not null,
    shard integer not null,
    tenant text collate "C" not null,
    stream text collate "C" not null,
    primary key (shard, tenant, stream)
) with (fillfactor = 80);

-- Idempotency, for ever. The positions are null where a command brought nothing about.
create table {log}.command (
    first_position bigint,
    last_position bigint,
    recorded_at timestamptz not null,
    shard integer not null,
    tenant text collate "C" not null,
    actor text collate "C" not null,
    command_id text collate "C" not null,
    digest bytea not null,
    primary key (shard, tenant, actor, command_id)
);

-- The log. Payload and meta are the exact bytes that the chain covers.
create table {log}.event (
    position bigint not null,
    version bigint not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    event_id uuid not null,
    shard integer not null,
    tenant text collate "C" not null,
    counterparty text collate "C" check (counterparty <> ''),
    stream text collate "C" not null,
    type text collate "C" not null,
    payload bytea not null,
    meta bytea not null,
    chain bytea not null,
    primary key (shard, position),
    unique (shard, tenant, stream, version)
) partition by list (shard);
create index event_counterparty on {log}.event (counterparty, shard, position) where counterparty is not null;

-- How far a consumer's effects reach.
create table {log}.checkpoint (
    consumer text collate "C" not null,
    log text collate "C" not null,
    shard integer not null,
    position bigint not null,
    chain bytea not null,
    primary key (consumer, log, shard)
);

-- A cache of folded states; may be emptied at any time.
create table {log}.snapshot (
    shard integer not null,
    state_version integer not null,
    version bigint not null,
    position bigint not null,
    tenant text collate "C" not null,
    stream text collate "C" not null,
    state bytea not null,
    primary key (shard, tenant, stream, state_version, version)
);

-- What a consumer could not decode or apply: nothing is skipped silently.
create table {log}.quarantine (
    consumer text collate "C" not null,
    log text collate "C" not null,
    shard integer not null,
    position bigint not null,
    tenant text collate "C" not null,
    stream text collate "C" not null,
    reason text not null,
    raw bytea not null,
    at timestamptz not null default clock_timestamp(),
    primary key (consumer, log, shard, position)
);

-- For people: the bytes shown as jsonb.
create view {log}.event_json with (security_invoker = true) as
select shard, position, tenant, counterparty, stream, version, event_id, type, effective_at, recorded_at,
       convert_from(payload, 'UTF8')::jsonb as payload, convert_from(meta, 'UTF8')::jsonb as meta
from {log}.event;

create trigger append_only before update or delete on {log}.event
    for each row execute function ledger.refuse_change();
create trigger never_emptied before truncate on {log}.event
    for each statement execute function ledger.refuse_change();

create function {log}.add_shard(_shard integer) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('create table {log}.event_%s partition of {log}.event for values in (%s)', _shard, _shard);
    execute format('create trigger never_emptied before truncate on {log}.event_%s '
                   'for each statement execute function ledger.refuse_change()', _shard);
    insert into {log}.shard_head (shard, position, chain) values (_shard, 0, decode(repeat('00', 32), 'hex'));
end
$$;
revoke all on function {log}.add_shard(integer) from public;
