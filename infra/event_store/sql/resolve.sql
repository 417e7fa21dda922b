-- Return the last position of a shard recorded at or before an instant, 0 if there is none: binary search.
drop function if exists {log}.position_at;
create function {log}.position_at(_shard integer, _instant timestamptz, _head bigint) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
    _low bigint := 0;
    _high bigint := _head;
    _middle bigint;
    _at timestamptz;
begin
    while _low < _high loop
        _middle := (_low + _high + 1) / 2;
        select e.recorded_at into strict _at from {log}.event e where e.shard = _shard and e.position = _middle;
        if _at <= _instant then
            _low := _middle;
        else
            _high := _middle - 1;
        end if;
    end loop;
    return _low;
end
$$;
revoke all on function {log}.position_at from public;

-- Return, for every shard of {log}, the last position recorded at or before _instant, finally.
--
-- An instant of the last 5 minutes is sealed first: with the head locked, `sealed_at` is moved to it, and whatever is
-- recorded later is recorded above it, also when the clock steps back. Where it lies there already no lock is needed:
-- who moved it held the head, so what was recorded before is visible. An instant after the clock is refused.
drop function if exists {log}.resolve;
create function {log}.resolve(_instant timestamptz)
returns table (shard integer, "position" bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    _now timestamptz := ledger.now();
    _head {log}.shard_head;
begin
    if _instant > _now then
        raise exception 'the clock is at %', _now using errcode = 'CL004';
    end if;
    if _instant > _now - interval '5 minutes' then
        perform from {log}.shard_head h
        where h.sealed_at is null or h.sealed_at < _instant order by h.shard for update;
        update {log}.shard_head h set sealed_at = _instant where h.sealed_at is null or h.sealed_at < _instant;
    end if;
    for _head in select * from {log}.shard_head h order by h.shard loop
        shard := _head.shard;
        position := case when _head.recorded_at <= _instant then _head.position
                         else {log}.position_at(_head.shard, _instant, _head.position) end;
        return next;
    end loop;
end
$$;
revoke all on function {log}.resolve from public;
