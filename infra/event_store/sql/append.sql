-- Append a batch of commands with their events to one shard of {log}: all of it, or nothing.
--
-- Parameters:
--   _shard                       the shard
--   _tenants, _actors, _ids, _digests   commands, in the order in which they were decided
--   _refused                     decided with a rejection: checked, not kept
--   _counts, _uptos              how many of the events each command brings about, and all up to it together
--   _causes                      when its cause was recorded, null if it has none
--   _books, _streams, _versions  every stream that a command was decided on, and its version before the batch
--   _added                       how many of the events each of these streams gets; their versions follow its version
--   _types, _instants            the types of events that occur, and the instants from which they are effective
--   _e_*                         events, in order; _e_streams, _e_types, _e_effective: numbers (from 1) into _streams,
--                                _types and _instants
--   _e_commands                  the number (from 1) of each event's command; may be null where no command has a cause
-- Returns one row:
--   appended     false: nothing was written, see found_* and stale_*
--   base         the head's position before; the events follow it without a gap
--   recorded     when each command was recorded; null: all at recorded_at
--   head_*       the head after
--   found_*      commands known already (number, whether with the same digest, first place)
--   stale_*      streams not at the expected version (number, actual version)
--
-- plpgsql, so that each statement after the lock sees what was committed before the lock was ours. The settings keep
-- a plan that was made while the tables were small from reading all of them when they have grown.
drop function if exists {log}.append;
create function {log}.append(
    _shard integer,
    _tenants text[], _actors text[], _ids text[], _digests bytea[], _refused boolean[], _counts integer[],
    _uptos integer[], _causes timestamptz[],
    _books text[], _streams text[], _versions bigint[], _added integer[], _types text[], _instants timestamptz[],
    _e_streams integer[], _e_types integer[], _e_counterparties text[], _e_versions bigint[], _e_ids uuid[],
    _e_effective integer[], _e_payloads bytea[], _e_metas bytea[], _e_leaves bytea[], _e_commands integer[],
    out appended boolean, out base bigint, out recorded timestamptz[], out recorded_at timestamptz,
    out head_position bigint, out head_chain bytea, out head_recorded_at timestamptz,
    out found_numbers integer[], out found_same boolean[], out found_first bigint[], out found_last bigint[],
    out found_recorded_at timestamptz[],
    out stale_numbers integer[], out stale_versions bigint[]
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    _head {log}.shard_head;
    _latest_cause timestamptz;
    _micros bytea;
    _leaf bytea;
    _number integer;
    _chains bytea[] := '{}';
begin
    select * into _head from {log}.shard_head h where h.shard = _shard for update;
    if not found then
        raise exception '{log} has no shard %', _shard using errcode = 'CL001';
    end if;
    base := _head.position;
    head_position := _head.position;
    head_chain := _head.chain;
    head_recorded_at := _head.recorded_at;

    -- 1. What is known already, and what has moved: for every command of the batch, refused ones too.
    -- A command that came back with the events of a lost tail has an empty digest: what it said is not known.
    select array_agg(u.n), array_agg(k.digest in (u.digest, '')), array_agg(k.first_position), array_agg(k.last_position),
           array_agg(k.recorded_at)
    into found_numbers, found_same, found_first, found_last, found_recorded_at
    from unnest(_tenants, _actors, _ids, _digests) with ordinality u(tenant, actor, id, digest, n)
    cross join lateral (
        select c.digest, c.first_position, c.last_position, c.recorded_at
        from {log}.command c
        where c.shard = _shard and c.tenant = u.tenant and c.actor = u.actor and c.command_id = u.id
        limit 1
    ) k;
    select array_agg(s.n), array_agg(s.actual)
    into stale_numbers, stale_versions
    from (
        select u.n, u.version, coalesce((
            select h.version from {log}.stream_head h
            where h.shard = _shard and h.tenant = u.book and h.stream = u.stream
        ), 0) as actual
        from unnest(_books, _streams, _versions) with ordinality u(book, stream, version, n)
    ) s
    where s.actual <> s.version;
    appended := stale_numbers is null and (found_numbers is null or not exists (
        select from unnest(found_numbers, found_same) f(n, same) where not f.same or _counts[f.n] > 0
    ));
    if not appended then
        return;
    end if;

    if _causes is not null then
        select max(c) into _latest_cause from unnest(_causes) c;
    end if;

    -- 2. When: never set from outside, never back, never at or before what was sealed, never before the cause.
    recorded_at := greatest({log}.append_time(_head.recorded_at, _latest_cause), _head.recorded_at,
                            _head.sealed_at + interval '1 microsecond');
    if _latest_cause > recorded_at then
        select array_agg(greatest(append.recorded_at, r.latest, r.cause) order by r.n)
        into recorded
        from (
            select u.n, u.cause, max(u.cause) filter (where u.count > 0) over (order by u.n) as latest
            from unnest(_causes, _counts) with ordinality u(cause, count, n)
        ) r;
    end if;

    -- 3. The chain: one link an event.
    if recorded is null then
        _micros := int8send(timestamptz_send(append.recorded_at)::bigint + 946684800000000);
        foreach _leaf in array _e_leaves loop
            head_position := head_position + 1;
            head_chain := sha256(head_chain || int8send(head_position) || _micros || _leaf);
            _chains := _chains || head_chain;
        end loop;
    else
        for _leaf, _number in select u.leaf, u.number from unnest(_e_leaves, _e_commands) u(leaf, number) loop
            head_position := head_position + 1;
            recorded_at := recorded[_number];
            _micros := int8send(timestamptz_send(append.recorded_at)::bigint + 946684800000000);
            head_chain := sha256(head_chain || int8send(head_position) || _micros || _leaf);
            _chains := _chains || head_chain;
        end loop;
    end if;

    -- 4. Write.
    if head_position > base then
        head_recorded_at := recorded_at;
        insert into {log}.event (position, version, effective_at, recorded_at, event_id, shard, tenant, counterparty,
                                 stream, type, payload, meta, chain)
        select base + e.n, e.version, _instants[e.effective], coalesce(recorded[e.command], append.recorded_at), e.event_id,
               _shard, _books[e.stream], e.counterparty, _streams[e.stream], _types[e.type], e.payload, e.meta,
               e.chain
        from unnest(_e_streams, _e_types, _e_counterparties, _e_versions, _e_ids, _e_effective, _e_payloads,
                    _e_metas, _e_commands, _chains)
             with ordinality e(stream, type, counterparty, version, event_id, effective, payload, meta, command,
                               chain, n);
        insert into {log}.stream_head (version, shard, tenant, stream)
        select u.version + u.added, _shard, u.book, u.stream
        from unnest(_books, _streams, _versions, _added) u(book, stream, version, added)
        where u.added > 0
        on conflict (shard, tenant, stream) do update set version = excluded.version;
        update {log}.shard_head h
        set position = head_position, chain = head_chain, recorded_at = head_recorded_at
        where h.shard = _shard;
    end if;
    insert into {log}.command (first_position, last_position, recorded_at, shard, tenant, actor, command_id, digest)
    select case when c.count > 0 then base + c.upto - c.count + 1 end, case when c.count > 0 then base + c.upto end,
           coalesce(recorded[c.n], append.recorded_at), _shard, c.tenant, c.actor, c.id, c.digest
    from unnest(_tenants, _actors, _ids, _digests, _refused, _counts, _uptos)
         with ordinality c(tenant, actor, id, digest, refused, count, upto, n)
    where not c.refused and (found_numbers is null or c.n <> all (found_numbers));
end
$$;
revoke all on function {log}.append from public;

-- Return the time of an append whose shard was last recorded at _head_at: the ledger's clock.
--
-- Refuses a clock that stepped back by more than 5 minutes, and a cause more than 5 seconds ahead of it, unless an
-- operator has confirmed the heads up to there.
drop function if exists {log}.append_time;
create function {log}.append_time(_head_at timestamptz, _cause timestamptz) returns timestamptz
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    _clock ledger.clock;
    _now timestamptz;
begin
    select * into strict _clock from ledger.clock;
    _now := coalesce(_clock.at, clock_timestamp());
    if _head_at > _now + interval '5 minutes' and _head_at > coalesce(_clock.confirmed_until, '-infinity') then
        raise exception 'the clock says %, the last event was recorded at %', _now, _head_at using errcode = 'CL003';
    end if;
    if _cause > _now + interval '5 seconds' and _cause > coalesce(_clock.confirmed_until, '-infinity') then
        raise exception 'the clock says %, the cause was recorded at %', _now, _cause using errcode = 'CL003';
    end if;
    return _now;
end
$$;
revoke all on function {log}.append_time from public;

-- Hold the head of a shard until the transaction ends: nobody else appends to it.
drop function if exists {log}.hold;
create function {log}.hold(_shard integer) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select h.position from {log}.shard_head h where h.shard = _shard for update $$;
revoke all on function {log}.hold from public;

-- Return the shard of a tenant's book; at first sight choose the one with the fewest books.
drop function if exists {log}.place;
create function {log}.place(_tenant text) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    _shard integer;
begin
    select p.shard into _shard from {log}.placement p where p.tenant = _tenant;
    if found then
        return _shard;
    end if;
    lock table {log}.placement in share row exclusive mode;
    select p.shard into _shard from {log}.placement p where p.tenant = _tenant;
    if not found then
        select h.shard into strict _shard
        from {log}.shard_head h left join {log}.placement p on p.shard = h.shard
        group by h.shard order by count(p.tenant), h.shard limit 1;
        insert into {log}.placement (tenant, shard) values (_tenant, _shard);
    end if;
    return _shard;
end
$$;
revoke all on function {log}.place from public;
