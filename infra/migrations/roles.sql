-- The roles of a database cluster; every ledger of it uses the same ones. Run by an administrator, again and again.
-- {service}: replaced by the name of each service.
-- The owner has no login: it owns the objects that migrations make, and nothing ever connects as it.
do $$
begin
    if to_regrole('capledger_owner') is null then
        create role capledger_owner nologin;
    end if;
    if to_regrole('capledger_reader') is null then
        create role capledger_reader login nosuperuser nobypassrls;
    end if;
    if to_regrole('capledger_operations') is null then
        create role capledger_operations login nosuperuser nobypassrls;
    end if;
end
$$;

alter role capledger_reader set statement_timeout = '20s';
alter role capledger_reader set lock_timeout = '2s';
alter role capledger_reader set idle_in_transaction_session_timeout = '10s';
alter role capledger_reader set default_transaction_read_only = on;
alter role capledger_operations set statement_timeout = '10min';
alter role capledger_operations set lock_timeout = '2s';
alter role capledger_operations set idle_in_transaction_session_timeout = '60s';
alter role capledger_operations set default_transaction_read_only = on;
