-- Every statement of a service's read side, by name. {schema}: <service>_read, an identifier.
-- {table}, {columns} and the like: from the declarations of read models, quoted.

-- name: checkpoint
-- $1 consumer, $2 log, $3 shard
select position, chain from {schema}.checkpoint where consumer = $1 and log = $2 and shard = $3;

-- name: move_checkpoint
-- $1 consumer, $2 log, $3 shard, $4 and $5 position and chain to move to, $6 and $7 where it must be
-- Tells the version of the row before and after: whoever takes something out of quarantine leaves the place, and
-- changes the version.
with was as (
    select xmin::text as version from {schema}.checkpoint where consumer = $1 and log = $2 and shard = $3 for update
)
update {schema}.checkpoint c set position = $4, chain = $5 from was
where consumer = $1 and log = $2 and shard = $3 and position = $6 and chain = $7
returning was.version as before, c.xmin::text as after;

-- name: first_checkpoint
-- $1 consumer, $2 log, $3 shard, $4 position, $5 chain
insert into {schema}.checkpoint (consumer, log, shard, position, chain) values ($1, $2, $3, $4, $5)
on conflict do nothing
returning '' as before, xmin::text as after;

-- name: add_rows
-- one parameter a column: an array, or the one value of all rows
insert into {schema}.{table} ({columns})
select {values} from unnest({arrays}) u({names});

-- name: rows
-- one parameter a condition
select t.* from {schema}.{table} t
where {conditions}
order by t.log, t.shard, t.position, t.ordinal;

-- name: rows_at
-- one parameter a condition, then logs, shards and last positions of the cut
select t.* from {schema}.{table} t
join unnest({cut}) c(log, shard, position) on t.log = c.log and t.shard = c.shard and t.position <= c.position
where {conditions}
order by t.log, t.shard, t.position, t.ordinal;

-- name: sum_by_hashing
-- For the transaction: sums of many rows in few groups, which the planner, without knowing how many, would sort.
set local enable_sort = off;

-- name: totals
-- {conditions}: of rows; {known}: of those, what lies in the cut; {by}: columns that sums are apart by
select {by}t.log, t.shard, sum(t.{total})::bigint as total, count(*) as count
from {schema}.{table} t where {conditions} and {known}
group by {by}t.log, t.shard;

-- name: totals_in_spans
-- Summed span by span along an index over {end}; a row that begins before the span it ends in stands alone. Which
-- shards have rows at all is found by skipping from one to the next. (`+ 0`: as a condition of the index, checked for
-- every entry, it would cost more than all the rest.)
with recursive place(log, shard) as (
    (select t.log, t.shard from {schema}.{table} t where {where} order by t.log, t.shard limit 1)
    union all
    select n.log, n.shard from place p cross join lateral (
        select t.log, t.shard from {schema}.{table} t
        where {where} and (t.log, t.shard) > (p.log, p.shard) order by t.log, t.shard limit 1
    ) n
)
select p.log, p.shard, b.lo, b.hi, s.*
from place p
cross join lateral (select {last_known} as position) k
cross join unnest({lows}, {highs}) b(lo, hi)
cross join lateral (
    select {by}coalesce(sum(t.{total}) filter (where t.{start} >= b.lo), 0)::bigint as total,
           count(*) filter (where t.{start} >= b.lo) as inside,
           array_agg(row(t.position, t.ordinal, t.{start}, t.{end}, t.{total})) filter (where t.{start} < b.lo) as alone
    from {schema}.{table} t
    where {conditions} and t.{end} > b.lo and t.{end} <= b.hi and t.{start} + 0 < {last}
      and t.log = p.log and t.shard = p.shard and t.position <= k.position
    {group}
) s
where s.inside > 0 or s.alone is not null;

-- name: replaced
-- The rows that others of the same {key} have replaced. Few rows revise others, and what they replace is found by them.
with revising as materialized (
    select distinct on ({key}) {key}, t.log, t.shard, t.position, t.ordinal
    from {schema}.{table} t
    where {where} and {known} and t.{revises} = 1
    order by {key}, t.log desc, t.shard desc, t.position desc, t.ordinal desc
)
select s.* from revising r cross join lateral (
    select t.* from {schema}.{table} t
    where {where} and {same_key}
      and (t.log, t.shard, t.position, t.ordinal) < (r.log, r.shard, r.position, r.ordinal) offset 0
) s;

-- name: touched_from
-- {known}: in the second cut; {news}: beyond the first one
with fresh as materialized (
    select {key}, t.{revises} as revises, t.{column} as value
    from {schema}.{table} t where {where} and {known} and {news}
)
select least(
    (select min(value) from fresh),
    (select min(s.value) from (select distinct {key} from fresh t where t.revises = 1) r cross join lateral (
        select t.{column} as value from {schema}.{table} t where {where} and {known} and {same_key} offset 0
    ) s));

-- name: add_timers
-- columns of timers, in the order of the table; a timer that is there already stays as it is
insert into {schema}.timer (service, id, due, stream, kind, origin_log, origin_shard, origin_position,
                            command_type, command)
select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::integer[],
                     $8::bigint[], $9::text[], $10::bytea[])
on conflict (service, id) do nothing;

-- name: due
-- $1 service, $2 until
select service, id, due, stream, kind, origin_log, origin_shard, origin_position, command_type, command
from {schema}.timer
where service = $1 and not fired and due <= $2
order by due, stream, kind, id;

-- name: fired
-- $1 service, $2 timer
update {schema}.timer set fired = true where service = $1 and id = $2 and not fired;

-- name: park
-- columns of the quarantine, in the order of the table
insert into {schema}.quarantine (consumer, log, shard, position, tenant, stream, reason, at)
select * from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                     $8::timestamptz[])
on conflict (consumer, log, shard, position) do update set reason = excluded.reason, at = excluded.at;

-- name: parked
-- $1 consumer, null for all
select consumer, log, shard, position, tenant, stream, reason, at
from {schema}.quarantine
where $1::text is null or consumer = $1
order by consumer, log, shard, position;

-- name: unpark
-- $1 consumer, $2 log, $3 shard, $4 position
delete from {schema}.quarantine where consumer = $1 and log = $2 and shard = $3 and position = $4;

-- name: lock_tables
-- $1 schema: who makes tables comes one after the other
select pg_advisory_xact_lock(hashtext('capledger.tables.' || $1));

-- name: columns_of
-- $1 the table or view
select a.attname as name, format_type(a.atttypid, null) as kind
from pg_attribute a
where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
order by a.attnum;

-- name: make_table
create table {schema}.{table} (
    log text collate "C" not null,
    shard integer not null,
    position bigint not null,
    ordinal integer not null,
    recorded_at timestamptz not null{definitions},
    primary key (log, shard, position, ordinal)
);

-- name: make_index
create index on {schema}.{table} ({columns}, log, shard, position, ordinal);

-- name: make_postings
-- {trigger}: names what holds postings together; {group}: columns that, with the event, tell a group.
-- Postings come a group whole in one statement, and are never changed: only what runs over them is, where
-- something came late.
create or replace function {schema}.{trigger}() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if to_jsonb(new) - '{balance}' = to_jsonb(old) - '{balance}' then
            return new;
        end if;
    end if;
    if tg_op <> 'INSERT' then
        raise exception 'postings are never changed' using errcode = 'CL011';
    end if;
    if exists (select from added group by log, shard, position{group} having sum({amount}) <> 0) then
        raise exception 'the postings of a group do not sum to zero' using errcode = 'CL010';
    end if;
    return null;
end $$;
create trigger balanced after insert on {schema}.{table}
    referencing new table as added for each statement execute function {schema}.{trigger}();
create trigger never_gone before delete or truncate on {schema}.{table}
    for each statement execute function {schema}.{trigger}();
create trigger never_changed before update on {schema}.{table}
    for each row execute function {schema}.{trigger}();

-- name: balances
-- $1 values of the first column of accounts: the balance of every account that has one of them
select {columns}, sum(t.{amount})::bigint as balance
from {schema}.{table} t where t.{first} = any($1)
group by {columns};

-- name: run_anew
-- $1 values of the first column of accounts: their balances run anew, in the order of the log
update {schema}.{table} t set {balance} = w.running
from (
    select log, shard, position, ordinal,
        sum({amount}) over (partition by {columns} order by log, shard, position, ordinal)::bigint as running
    from {schema}.{table} where {first} = any($1)
) w
where (t.log, t.shard, t.position, t.ordinal) = (w.log, w.shard, w.position, w.ordinal)
    and t.{balance} <> w.running;

-- name: show_table
-- The table is read and written through a view of the bare name, which a rebuild moves to its new version.
create view {schema}.{view} as select * from {schema}.{table};
