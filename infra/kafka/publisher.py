"""Sending batches, with a producer that is thrown away when anything goes wrong with it."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from infra.bus import BusUnavailableError, Handed, Place, RecordTooLargeError
from infra.event_store import Recorded
from infra.kafka.waiting import ACK_SECONDS_MAX, ANSWER_SECONDS_MAX, abandon, within
from infra.node import Ledger
from infra.records import headers, record_bytes

BATCH_BYTES_MAX = 512 << 10
RECORD_BYTES_MAX = 8 << 20


class KafkaPublisher:
    """Sends batches through one idempotent producer, until anything goes wrong with it."""

    def __init__(self, producer: AIOKafkaProducer, ledger: Ledger) -> None:
        """Take a started producer."""
        self._producer, self._ledger = producer, ledger
        self._open = True

    async def send(self, place: Place, events: Sequence[Recorded]) -> Handed:
        """See `Publisher.send`."""
        if not self._open:
            raise BusUnavailableError("the publisher is closed")
        batch, count = self._producer.create_batch(), 0
        for recorded in events:
            its_headers = headers(recorded)
            # nearly all are far below it, and need no counting
            large = len(recorded.payload) + len(recorded.meta_bytes) > RECORD_BYTES_MAX // 2
            if large and record_bytes(recorded, its_headers) > RECORD_BYTES_MAX:
                break
            added = batch.append(
                timestamp=None, key=recorded.tenant.encode(), value=recorded.payload, headers=its_headers
            )
            if added is None:
                break
            count += 1
        if not count:
            raise RecordTooLargeError(f"{events[0].origin} has over {RECORD_BYTES_MAX} bytes")
        topic = self._ledger.topic(place[0])
        sending = self._producer.send_batch(batch, topic, partition=place[1])
        return Handed(count, self._acked(await within(ANSWER_SECONDS_MAX, sending)))

    async def close(self) -> None:
        """See `Publisher.close`."""
        if self._open:
            self._open = False
            await abandon(drop_producer(self._producer))

    @staticmethod
    def _acked(future: "asyncio.Future[RecordMetadata]") -> Awaitable[int]:
        async def acked() -> int:
            return (await within(ACK_SECONDS_MAX, future)).offset

        task = asyncio.ensure_future(acked())
        task.add_done_callback(heard)
        return task


async def drop_producer(producer: AIOKafkaProducer) -> None:
    """End a producer without waiting for what it has to send: looking at the topic settles that."""
    accumulator = producer._message_accumulator  # noqa: SLF001 stop() would wait for it for ever
    accumulator.fail_all(KafkaError("the producer was dropped"))
    # a request that fails later would put its batch back among those that are no longer there
    accumulator.reenqueue = _left
    waiting = [batch for batches in accumulator._batches.values() for batch in batches]  # noqa: SLF001
    for batch in (*waiting, *accumulator._pending_batches):  # noqa: SLF001
        for future in (batch.future, batch._drain_waiter):  # noqa: SLF001
            heard(future)
    try:
        await producer.stop()
    finally:
        await producer.client.close()


def _left(_: object) -> None:
    """Leave a batch where it is."""


def heard(future: "asyncio.Future[Any]") -> None:
    """Take note of what came of a future that nobody may wait for."""
    if not future.done():
        future.add_done_callback(heard)
    elif not future.cancelled():
        future.exception()
