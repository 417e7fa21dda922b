-- Return the first break of a shard of {log} among the positions after _after and up to _upto, null row if none, and
-- how far each stream got.
--
-- Parameters: _shard; _after, _upto: positions, of which at most some 10,000 at a time. The page starts from the
-- chain hash stored at _after, which the page before has looked at: so pages can be looked over side by side.
-- Returns broken_at and fault (null where all is well), events (how many were looked at), chain (the last hash),
-- and for each stream seen: tenants, streams, firsts, lasts (versions), which the caller fits to the pages before.
drop function if exists {log}.verify;
create function {log}.verify(_shard integer, _after bigint, _upto bigint,
    out broken_at bigint, out fault text, out events bigint, out chain bytea,
    out tenants text[], out streams text[], out firsts bigint[], out lasts bigint[])
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set work_mem = '64MB'
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    _chain bytea := decode(repeat('00', 32), 'hex');
begin
    if _after > 0 then
        select e.chain into _chain from {log}.event e where e.shard = _shard and e.position = _after;
    end if;
    with page as materialized (
        select e.position, e.tenant, e.stream, e.version, e.chain,
               coalesce(lag(e.chain) over w, _chain) as previous_chain,
               coalesce(lag(e.position) over w, _after) as previous_position,
               e.recorded_at, coalesce(lag(e.recorded_at) over w, '-infinity') as previous_recorded_at,
               {log}.leaf(e.tenant, e.counterparty, e.stream, e.version, e.event_id, e.type, e.effective_at,
                          e.payload, e.meta) as leaf
        from {log}.event e
        where e.shard = _shard and e.position > _after and e.position <= _upto
        window w as (order by e.position)
    ), broken as (
        select case when p.position <> p.previous_position + 1 then p.previous_position + 1 else p.position end
                   as position,
               case when p.position <> p.previous_position + 1 then 'missing'
                    when p.recorded_at < p.previous_recorded_at then 'recorded before its predecessor'
                    else 'the chain does not hold' end as fault
        from page p
        where p.position <> p.previous_position + 1
           or p.recorded_at < p.previous_recorded_at
           or p.chain <> sha256(p.previous_chain || int8send(p.position)
                                || int8send(timestamptz_send(p.recorded_at)::bigint + 946684800000000) || p.leaf)
        order by p.position limit 1
    ), seen as (
        select p.tenant, p.stream, min(p.version) as first, max(p.version) as last, count(*) as events
        from page p group by p.tenant, p.stream
    )
    select b.position, b.fault, s.events, l.chain, s.tenants, s.streams, s.firsts, s.lasts
    into broken_at, fault, events, chain, tenants, streams, firsts, lasts
    from (
        select sum(n.events)::bigint as events, array_agg(n.tenant) as tenants, array_agg(n.stream) as streams,
               array_agg(n.first) as firsts,
               array_agg(case when n.last - n.first + 1 = n.events then n.last else -1 end) as lasts
        from seen n
    ) s
    left join broken b on true
    left join (select p.chain from page p order by p.position desc limit 1) l on true;
end
$$;
revoke all on function {log}.verify from public;

-- Return the hash of one event without position and time, as infra/chain.py computes it.
drop function if exists {log}.leaf;
create function {log}.leaf(_tenant text, _counterparty text, _stream text, _version bigint, _event_id uuid,
    _type text, _effective_at timestamptz, _payload bytea, _meta bytea) returns bytea
language sql stable parallel safe
return sha256(
    int4send(octet_length(_tenant)) || convert_to(_tenant, 'UTF8')
    || int4send(coalesce(octet_length(_counterparty), 0)) || convert_to(coalesce(_counterparty, ''), 'UTF8')
    || int4send(octet_length(_stream)) || convert_to(_stream, 'UTF8')
    || '\x00000008'::bytea || int8send(_version)
    || '\x00000010'::bytea || uuid_send(_event_id)
    || int4send(octet_length(_type)) || convert_to(_type, 'UTF8')
    || '\x00000008'::bytea || int8send(timestamptz_send(_effective_at)::bigint + 946684800000000)
    || '\x00000020'::bytea || sha256(_payload)
    || '\x00000020'::bytea || sha256(_meta)
);
