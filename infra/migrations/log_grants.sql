-- Who may do what with {log}. Run as the owner, whenever it changes.
-- {writer}: the role of the log's service. {services}: the roles of all services, separated by commas.
--
-- Nobody but the owner writes events, heads, streams and commands: the writer calls append, which is the owner's.
-- Row security stands before the one role that serves reads to tenants: a batch of the others holds many tenants.
grant usage on schema {log} to {services}, capledger_reader, capledger_operations;
grant select on {log}.event, {log}.event_json, {log}.shard_head, {log}.stream_head, {log}.placement to {services};
grant select on all tables in schema {log} to capledger_operations;
grant select on {log}.event, {log}.event_json to capledger_reader;
grant select on {log}.command to {writer};
grant select, insert, delete, truncate on {log}.snapshot to {writer};
grant execute on function {log}.append, {log}.append_one, {log}.hold, {log}.place to {writer};
grant execute on function {log}.resolve to {services};
grant execute on function {log}.verify to {services}, capledger_operations;

alter table {log}.event enable row level security;
drop policy if exists services_read_all on {log}.event;
create policy services_read_all on {log}.event for select to {services}, capledger_operations using (true);
drop policy if exists a_party_reads_its_own on {log}.event;
create policy a_party_reads_its_own on {log}.event for select to capledger_reader using (
    tenant = current_setting('capledger.party', true) or counterparty = current_setting('capledger.party', true)
);
