"""The events that one party may see, read under row security: what HTTP shows of a log goes through here."""

from collections.abc import Sequence

from infra.database import POSITION_MAX, Database
from infra.event_store import Recorded
from infra.event_store.postgres.records import records
from infra.event_store.postgres.statements import statement


class PartyReader:
    """Reads logs under the role `capledger_reader`, which sees nothing but what the party named is part of.

    The statement asks for the party's events only, and the database holds it to that: a slip in the statement
    would give too little, never another's event.
    """

    def __init__(self, database: Database) -> None:
        """Take the ledger's database, opened as `capledger_reader`."""
        self._database = database

    async def shard(
        self, log: str, shard: int, party: str, after: int, up_to: int | None = None, limit: int = 1000
    ) -> Sequence[Recorded]:
        """Return the next events of a shard in which `party` is the tenant or the counterparty, in order.

        Positions `after` < p <= `up_to`; they have gaps where others' events lie.
        """
        end = POSITION_MAX if up_to is None else up_to
        async with self._database.reading() as connection, connection.transaction(readonly=True):
            # for this transaction only: a pooled connection remembers nobody
            await connection.execute(statement("act_as_party"), party)
            rows = await connection.fetch(statement("of_party", log), shard, party, after, end, limit)
        return records(log, shard, rows)
