-- name: get
-- $1 id
select id, tenant, digest, scopes, label, created_at, created_by, revoked_at
from ledger.credential where id = $1;

-- name: lock
-- $1 tenant and label in one: two keys of a label are never added at once
select pg_advisory_xact_lock(hashtextextended('capledger.credential/' || $1, 0));

-- name: live
-- $1 tenant, $2 label
select count(*) from ledger.credential where tenant = $1 and label = $2 and revoked_at is null;

-- name: add
-- $1 id, $2 tenant, $3 digest, $4 scopes, $5 label, $6 created_at, $7 created_by
insert into ledger.credential (id, tenant, digest, scopes, label, created_at, created_by)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: revoke
-- $1 id, $2 when
update ledger.credential set revoked_at = coalesce(revoked_at, $2) where id = $1
returning id, tenant, digest, scopes, label, created_at, created_by, revoked_at;

-- name: of
-- $1 tenant, null for all
select id, tenant, digest, scopes, label, created_at, created_by, revoked_at
from ledger.credential where $1::text is null or tenant = $1
order by tenant, label collate "C", created_at, id;

-- name: audit
-- $1 at, $2 actor, $3 credential, $4 action, $5 subject, $6 details
insert into ledger.audit (at, actor, credential, action, subject, details) values ($1, $2, $3, $4, $5, $6);

-- name: audited
-- $1 tenant, null for all; $2 after; $3 limit
select number, at, actor, credential, action, subject, details
from ledger.audit
where number > $2 and ($1::text is null or actor = $1 or details ->> 'tenant' = $1)
order by number limit $3;
