"""The rule for whoever reads a topic from outside: nothing twice, nothing out of order, no gap."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from infra.client import ClientError


class Gapless:
    """The one rule for whoever reads a topic: per partition, the next position is the last + 1.

    What is lower was seen before; what is higher leaves a gap, which is fetched from the log first. So every
    event is handed on once and in order, whatever the topic repeats, and whatever it has let go.
    """

    def __init__(
        self,
        fetch: Callable[[str, int, int], Awaitable[Sequence[Mapping[str, Any]]]],
        last: Mapping[Any, int],
    ) -> None:
        """Take what fetches `(log, shard, after)` (`Client.log`), and the last position of each shard."""
        self._fetch, self.last = fetch, dict(last)

    async def offer(self, log: str, shard: int, event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return what follows from a record with its `position`: nothing, it, or the gap and then it."""
        seen, position = self.last.get((log, shard), 0), int(event["position"])
        found: list[Mapping[str, Any]] = []
        while seen < position - 1:
            missing = await self._fetch(log, shard, seen)
            missing = [one for one in missing if one["position"] < position]
            if not missing or missing[0]["position"] != seen + 1:
                raise GapError(f"{log} shard {shard}: nothing at position {seen + 1}")
            found += missing
            seen = missing[-1]["position"]
        if position == seen + 1:
            found.append(event)
            self.last[log, shard] = position
        return found


class GapError(ClientError):
    """A gap on the topic that the log does not fill: the reader stops and says so."""
