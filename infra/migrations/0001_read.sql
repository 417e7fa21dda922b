-- What a service keeps beside its logs: checkpoints, timers, quarantine. Run as the service's role, whose schema it is:
-- read models are made there when it starts, and made anew when they are rebuilt.
-- {schema}: <service>_read.
create table {schema}.checkpoint (
    consumer text collate "C" not null,
    log text collate "C" not null,
    shard integer not null,
    position bigint not null,
    chain bytea not null,
    primary key (consumer, log, shard)
) with (fillfactor = 50);

create table {schema}.timer (
    service text collate "C" not null,
    id text collate "C" not null,
    due timestamptz not null,
    stream text collate "C" not null,
    kind text collate "C" not null,
    origin_log text collate "C" not null,
    origin_shard integer not null,
    origin_position bigint not null,
    command_type text not null,
    command bytea not null,
    fired boolean not null default false,
    primary key (service, id)
);
create index timer_due on {schema}.timer (service, due, stream, kind, id) where not fired;

-- What could not be applied, and what waits behind it; the events themselves are in the log.
create table {schema}.quarantine (
    consumer text collate "C" not null,
    log text collate "C" not null,
    shard integer not null,
    position bigint not null,
    tenant text collate "C" not null,
    stream text collate "C" not null,
    reason text not null,
    at timestamptz not null,
    primary key (consumer, log, shard, position)
);

grant usage on schema {schema} to capledger_operations;
grant select on all tables in schema {schema} to capledger_operations;
alter default privileges in schema {schema} grant select on tables to capledger_operations;
