-- name: take
-- $1 lease
select pg_try_advisory_lock(hashtextextended($1, 0));

-- name: give_back
-- $1 lease
select pg_advisory_unlock(hashtextextended($1, 0));

-- name: beat
-- $1 replica, $2 service, $3 address
insert into ledger.replica (id, service, address, started_at, seen_at)
values ($1, $2, $3, clock_timestamp(), clock_timestamp())
on conflict (id) do update set seen_at = excluded.seen_at, address = excluded.address;

-- name: forget_dead
-- $1 seconds of silence
delete from ledger.replica where seen_at < clock_timestamp() - make_interval(secs => $1);

-- name: living
-- $1 service, $2 seconds of silence
select count(*) from ledger.replica
where service = $1 and seen_at > clock_timestamp() - make_interval(secs => $2);

-- name: leave
-- $1 replica
delete from ledger.replica where id = $1;

-- name: living_services
-- $1 seconds of silence
select distinct service from ledger.replica where seen_at > clock_timestamp() - make_interval(secs => $1);

-- name: forget_consumers
-- $1 service
delete from ledger.consumer where service = $1;

-- name: add_consumers
-- $1 service, $2 consumers, $3 logs
insert into ledger.consumer (service, consumer, log) select $1, * from unnest($2::text[], $3::text[]);

-- name: consumers
select service, consumer, log from ledger.consumer order by service, consumer, log;

-- name: my_turn
-- $1 service
select timer from ledger.turn where service = $1;

-- name: give_turn
-- $1 service, $2 timer
insert into ledger.turn (service, timer) values ($1, $2);

-- name: turn_done
-- $1 timer
delete from ledger.turn where timer = $1;

-- name: turn
select service, timer from ledger.turn;

-- name: heads
select shard, position from {log}.shard_head;

-- name: checkpoints
select consumer, log, shard, position from {schema}.checkpoint;

-- name: parked
select consumer, log, shard, position, stream, reason from {schema}.quarantine
order by consumer, log, shard, position limit 1;

-- name: first_due
-- $1 until
select service, id, due, kind, stream from {schema}.timer where not fired and due <= $1
order by due, stream, kind, id limit 1;

-- name: now
select ledger.now();

-- name: advance
-- $1 to
select ledger.advance($1);
