-- What a ledger has beside its logs: its identity, its clock, credentials, the replicas that serve it, the audit.
-- Run as the owner. The rows of identity and clock are written when a ledger is made from its template.
create schema ledger;

create table ledger.migration (
    scope text not null,
    name text not null,
    digest bytea not null,
    applied_at timestamptz not null default clock_timestamp(),
    primary key (scope, name)
);

create table ledger.identity (
    only_row boolean primary key default true check (only_row),
    name text not null,
    shards integer not null,
    created_at timestamptz not null default clock_timestamp()
);

-- One row: `at` is the clock of a sandbox and null in a live ledger, whose clock is the machine's.
-- A head recorded up to `confirmed_until` may lie far ahead of the clock: an operator has looked at the step.
create table ledger.clock (
    only_row boolean primary key default true check (only_row),
    mode text not null check (mode in ('live', 'sandbox')),
    at timestamptz check ((mode = 'sandbox') = (at is not null)),
    confirmed_until timestamptz
);

create table ledger.credential (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    digest bytea not null,
    scopes text[] not null,
    label text not null default '',
    created_at timestamptz not null,
    created_by text,
    revoked_at timestamptz
);
create index credential_tenant on ledger.credential (tenant);

create table ledger.replica (
    id text collate "C" primary key,
    service text not null,
    address text,
    started_at timestamptz not null,
    seen_at timestamptz not null
);

create table ledger.audit (
    number bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    credential text,
    action text not null,
    subject text,
    details jsonb not null default '{}'
);
create index audit_subject on ledger.audit (subject, number);

create function ledger.now() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select coalesce(c.at, clock_timestamp()) from ledger.clock c $$;

create function ledger.advance(_to timestamptz) returns timestamptz
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    _clock ledger.clock;
begin
    select * into strict _clock from ledger.clock for update;
    if _clock.mode <> 'sandbox' then
        raise exception 'the clock of a live ledger is the machine''s' using errcode = 'CL002';
    end if;
    if _to < _clock.at then
        raise exception 'a clock never goes back: it is at %, not yet %', _clock.at, _to using errcode = 'CL002';
    end if;
    update ledger.clock set at = _to;
    return _to;
end
$$;

-- Let appends go on although heads were recorded later than the machine's clock now says.
create function ledger.confirm_clock(_until timestamptz) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$ update ledger.clock set confirmed_until = _until $$;

create function ledger.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        using errcode = 'restrict_violation';
end
$$;

create trigger append_only before update or delete or truncate on ledger.audit
    for each statement execute function ledger.refuse_change();
