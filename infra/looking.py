"""The newest states of streams that are looked at often: kept, and each tail read once for all who ask."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from infra.past import Folded

K = TypeVar("K")
KEPT_MAX = 1_000

Read = Callable[[Folded | None], Awaitable[Folded]]
"""`read(known)`: the newest state, going on from what is known; what is known may change in place."""


class _Kept:
    """One stream's newest state, and the read that whoever asks now waits for."""

    def __init__(self) -> None:
        self.folded: Folded | None = None
        self.turn = asyncio.Lock()
        self.coming: asyncio.Task[Any] | None = None


class Looking(Generic[K]):
    """Newest states by key. A read that begins after somebody asked serves all who asked before it."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: OrderedDict[K, _Kept] = OrderedDict()

    async def newest(self, key: K, read: Read) -> Any:
        """Return the state of a stream as of some moment after this call.

        Whatever `read` raises goes to all who wait for it, and what was known is dropped.
        """
        kept = self._kept.setdefault(key, _Kept())
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        if kept.coming is None:
            kept.coming = asyncio.create_task(self._read(kept, read))
            kept.coming.add_done_callback(_heard)
        return await asyncio.shield(kept.coming)

    @staticmethod
    async def _read(kept: _Kept, read: Read) -> Any:
        async with kept.turn:
            kept.coming = None  # whoever asks from now on needs a newer read
            known, kept.folded = kept.folded, None
            kept.folded = await read(known)
            return kept.folded.state


def _heard(task: "asyncio.Task[Any]") -> None:
    """Take note of a failure that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
