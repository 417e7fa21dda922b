-- What each role may do in schema ledger. Run as the owner, whenever it changes.
-- {services}: the roles of all services, separated by commas.
revoke all on all functions in schema ledger from public;
grant usage on schema ledger to {services}, capledger_reader, capledger_operations;
grant select on ledger.identity, ledger.clock to {services}, capledger_reader, capledger_operations;
grant select, insert, update on ledger.credential to {services};
grant select, insert, update, delete on ledger.replica to {services};
grant select, insert on ledger.audit to {services};
grant select on ledger.replica, ledger.audit, ledger.migration to capledger_operations;
grant select (id, tenant, scopes, label, created_at, created_by, revoked_at) on ledger.credential
    to capledger_operations;
grant execute on function ledger.now() to {services}, capledger_reader, capledger_operations;
grant execute on function ledger.advance(timestamptz) to {services};
grant execute on function ledger.confirm_clock(timestamptz) to capledger_operations;
