-- What running services tell each other about a ledger. Run as the owner.
-- {services}: the roles of all services, separated by commas.

-- Who follows what: without it nobody outside could tell a consumer that has not begun from none at all.
create table ledger.consumer (
    service text collate "C" not null,
    consumer text collate "C" not null,
    log text collate "C" not null,
    primary key (consumer, log)
);

-- Whose turn it is: in a sandbox one timer fires at a time, when whoever moves the clock says so.
create table ledger.turn (
    only_row boolean primary key default true check (only_row),
    service text not null,
    timer text not null
);

grant select, insert, update, delete on ledger.consumer to {services};
grant select, delete on ledger.turn to {services};
grant select on ledger.consumer, ledger.turn to capledger_operations;
