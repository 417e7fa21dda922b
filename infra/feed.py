"""The newest events of one shard, from wherever they come first: the topic, or the log itself.

Relay and consumers of a process read through one feed a shard, so that an event is read and decoded once
for all of them. The topic is only a fast path: what does not go on without a gap, or whose chain does not
verify, is not taken, and the log is read instead.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice

from infra.chain import link
from infra.event_store import GENESIS, Appended, Batch, EventStore, Recorded
from infra.records import follows
from schemas.decision import Origin

PAGE = 1000
WINDOW_EVENTS_MAX = 4000
WINDOW_BYTES_MAX = 4 << 20


class Feed:
    """One shard as one process sees it. `head` is the newest position known to exist.

    Where the log ended when it was last read is not read again before something newer is announced: by
    this process's own appends, by the topic, or by whoever looks at the heads now and then.
    """

    def __init__(self, log: str, shard: int) -> None:
        """Start with nothing known."""
        self.log, self.shard = log, shard
        self.head = 0
        self._end: int | None = None
        self.stale_records = 0
        self._window: deque[Recorded] = deque()
        self._bytes = 0
        self._wakes: dict[asyncio.Event, None] = {}
        self._reading = asyncio.Lock()

    def listen(self) -> asyncio.Event:
        """Return an event that is set whenever something new is known; whoever waits clears it first."""
        wake = asyncio.Event()
        wake.set()
        self._wakes[wake] = None
        return wake

    def leave(self, wake: asyncio.Event) -> None:
        """Stop setting an event."""
        self._wakes.pop(wake, None)

    def announce(self, position: int) -> None:
        """Take note that the log reaches `position`."""
        if position > self.head:
            self.head = position
            if self._end is not None and self._end < position:
                self._end = None
            self._wake()

    def offer(self, events: Sequence[Recorded]) -> None:
        """Take events that came by topic.

        Repeats are dropped. What does not go on from what is at hand (a hole, nothing at hand, a chain
        that does not verify) is not taken: it only says how far the log reaches, and whoever needs it
        reads the log.
        """
        for recorded in events:
            last = self._window[-1] if self._window else None
            if last is not None and recorded.position <= last.position:
                continue
            if last is not None and recorded.position == last.position + 1:
                if not follows(last.chain, recorded):
                    self.stale_records += 1
                    break
                self._keep(recorded)
        if events:
            self.announce(max(recorded.position for recorded in events))

    def appended(self, batch: Batch, appended: Appended) -> None:
        """Take what this process itself has just appended, so that nobody has to read it from the log.

        It is known whole but for its links, and they lead to the head that the store told: if they do not,
        or if it does not go on from what is at hand, it only says how far the log reaches.
        """
        count = sum(len(command.events) for command in batch.commands)
        last = self._window[-1] if self._window else None
        at = appended.head.position - count
        if at == self._end:
            self._end = appended.head.position
        if count and (at == 0 if last is None else last.position == at):
            events = self._linked(batch, appended, at, GENESIS if last is None else last.chain)
            if events[-1].chain == appended.head.chain:
                for recorded in events:
                    self._keep(recorded)
        self.announce(appended.head.position)

    def _linked(self, batch: Batch, appended: Appended, position: int, chain: bytes) -> list[Recorded]:
        """Return the events of a batch as recorded, the first of them right after `position`."""
        events: list[Recorded] = []
        for command, place in zip(batch.commands, appended.places, strict=True):
            for event in command.events:
                position += 1
                chain = link(chain, position, place.recorded_at, event.leaf)
                origin = Origin(self.log, self.shard, position)
                events.append(event.recorded(origin, place.recorded_at, chain))
        return events

    def known(self, after: int, limit: int = PAGE) -> Sequence[Recorded]:
        """Return what is at hand and goes on right after a position; empty if that is not at hand."""
        if not self._window or not self._window[0].position <= after + 1 <= self._window[-1].position:
            return ()
        skip = after + 1 - self._window[0].position
        return list(islice(self._window, skip, skip + limit))

    async def after(self, position: int, store: EventStore) -> Sequence[Recorded]:
        """Return the events that go on right after a position, one page; empty at the head.

        Raises:
            StoreCorruptError, StoreUnavailableError: as the store does.
        """
        found = self.known(position)
        if found or position == self._end:
            return found
        async with self._reading:
            # whoever waited here finds what the one before has read
            found = self.known(position)
            if found or position == self._end:
                return found
            page = await store.shard(self.log, self.shard, position, PAGE)
            self._take_page(page)
            end = page[-1].position if page else position
            if len(page) < PAGE and end >= self.head:  # nothing newer was told meanwhile
                self._end = end
            return page

    def forget(self) -> None:
        """Drop what is at hand, as after a lost connection."""
        self._empty()

    def _take_page(self, page: Sequence[Recorded]) -> None:
        """Keep a page of the log if it is newer than what is at hand."""
        if not page or (self._window and page[-1].position <= self._window[-1].position):
            return
        if self._window and page[0].position > self._window[-1].position + 1:
            self._empty()
        for recorded in page:
            if not self._window or recorded.position == self._window[-1].position + 1:
                self._keep(recorded)
        self.announce(page[-1].position)

    def _keep(self, recorded: Recorded) -> None:
        self._window.append(recorded)
        self._bytes += len(recorded.payload)
        while len(self._window) > WINDOW_EVENTS_MAX or (
            self._bytes > WINDOW_BYTES_MAX and len(self._window) > 1
        ):
            self._bytes -= len(self._window.popleft().payload)

    def _empty(self) -> None:
        self._end = None
        self._window.clear()
        self._bytes = 0

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()
