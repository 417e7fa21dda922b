-- The role under which one service writes its logs and its read models. Run by an administrator, again and again.
-- {role}: capledger_<service>.
do $$
begin
    if to_regrole('{role}') is null then
        create role {role} login nosuperuser nobypassrls;
    end if;
end
$$;

alter role {role} set statement_timeout = '60s';
alter role {role} set lock_timeout = '5s';
alter role {role} set idle_in_transaction_session_timeout = '15s';
