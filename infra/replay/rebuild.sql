-- Read models made anew beside the live ones. {schema}: <service>_read; other names: quoted identifiers.

-- name: behind_view
-- $1 the view of a read model. The table that it shows.
select distinct c.relname
from pg_rewrite r
join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
join pg_class c on c.oid = d.refobjid and c.relkind = 'r'
where r.ev_class = to_regclass($1);

-- name: is_there
-- $1 a table
select to_regclass($1) is not null;

-- name: drop_table
drop table if exists {schema}.{table};

-- name: forget_checkpoints
-- $1 consumer
delete from {schema}.checkpoint where consumer = $1;

-- name: forget_quarantine
-- $1 consumer
delete from {schema}.quarantine where consumer = $1;

-- name: hold_checkpoints
-- $1 consumer. Nothing of the live read model moves until the transaction ends.
select log, shard, position from {schema}.checkpoint where consumer = $1 order by log, shard for update;

-- name: behind
-- $1 live, $2 aside. The first shard of which the live read model has consumed more.
select l.log, l.shard, l.position
from {schema}.checkpoint l
left join {schema}.checkpoint a on a.consumer = $2 and a.log = l.log and a.shard = l.shard
where l.consumer = $1 and l.position > coalesce(a.position, 0)
order by l.log, l.shard
limit 1;

-- name: show_instead
-- The view has to be made anew: the columns of a new version may be others.
drop view {schema}.{view};
create view {schema}.{view} as select * from {schema}.{table};
drop table {schema}.{old};

-- name: take_over_checkpoints
-- $1 live, $2 aside
update {schema}.checkpoint set consumer = $1 where consumer = $2;

-- name: take_over_quarantine
-- $1 live, $2 aside
update {schema}.quarantine set consumer = $1 where consumer = $2;

-- name: differences
-- $1 logs, $2 shards, $3 last positions, $4 at most so many. {columns}, {live_row}, {anew_row}: columns of both.
with cut as materialized (
    select * from unnest($1::text[], $2::integer[], $3::bigint[]) c(log, shard, position)
), compared as (
    select coalesce(l.log, a.log) as log, coalesce(l.shard, a.shard) as shard,
           coalesce(l.position, a.position) as position, coalesce(l.ordinal, a.ordinal) as ordinal,
           l.log is not null as is_live, a.log is not null as is_anew, {columns}
    from (
        select t.* from cut c join {schema}.{live} t
        on t.log = c.log and t.shard = c.shard and t.position <= c.position
    ) l
    full join (
        select t.* from cut c join {schema}.{anew} t
        on t.log = c.log and t.shard = c.shard and t.position <= c.position
    ) a on a.log = l.log and a.shard = l.shard and a.position = l.position and a.ordinal = l.ordinal
), different as (
    select * from compared x
    where not x.is_live or not x.is_anew or row({live_row}) is distinct from row({anew_row})
)
select (select count(*) from compared) as rows, (select count(*) from different) as count, d.*
from (select 1) one
left join (select * from different order by log, shard, position, ordinal limit $4) d on true;
