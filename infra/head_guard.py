"""A new connection for writing must lead to the log that this process knows; otherwise nothing is written.

A store is only exchanged for an older copy (a backup put in place, a standby that lagged behind) while
connections break. Who looks at the heads now and then would come too late: the first append over a new
connection could already stand where lost events stood. So each new connection is looked over before use.
"""

from infra.bus import Place
from infra.database import Connection
from infra.event_store.postgres.statements import statement
from infra.live import LiveNode
from infra.subscriptions import StoreRewoundError


class HeadGuard:
    """Compares the own logs behind a connection with what a live node has appended and seen."""

    def __init__(self, live: LiveNode) -> None:
        """Take the node whose knowledge counts."""
        self._live, self._shards = live, live.node.ledger.shards

    async def look(self, connection: Connection) -> None:
        """Look over one new connection.

        Raises:
            StoreRewoundError: a log is shorter than, or differs from, what was known; the node has shut it.
        """
        for log in self._live.node.service.logs:
            # what is known is taken first: while the answer is on its way, others append
            known = {shard: self._live.known_position((log, shard)) for shard in range(self._shards)}
            for row in await connection.fetch(statement("heads", log)):
                place, least = (log, row["shard"]), known[row["shard"]]
                if row["position"] < least:
                    self._stop(place, least, row["position"])
                await self._compare(connection, place)

    async def _compare(self, connection: Connection, place: Place) -> None:
        """Compare the chain where this process itself appended last."""
        own = self._live.store.appended_last.get(place)
        if own is None or own.position == 0:
            return
        log, shard = place
        row = await connection.fetchrow(statement("shard", log), shard, own.position - 1, 1)
        if row is None or row["chain"] != own.chain:
            self._stop(place, own.position, own.position - 1)

    def _stop(self, place: Place, known: int, found: int) -> None:
        self._live.rewound(place, known, found)
        raise StoreRewoundError("what was known here", *place, known)
