"""The topics of a ledger on Apache Kafka."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from infra.bus import BusUnavailableError, Place, TopicEnd, TopicMismatchError
from infra.config import KafkaSettings
from infra.event_store import Recorded
from infra.kafka import topics
from infra.kafka.publisher import BATCH_BYTES_MAX, RECORD_BYTES_MAX, KafkaPublisher, drop_producer
from infra.kafka.tail import KafkaTail, event, fetched
from infra.kafka.waiting import ANSWER_SECONDS_MAX, RETRY_MS, abandon, abandoned, pace, within
from infra.node import Ledger

FETCH_BYTES_MAX = 16 << 20


class KafkaBus:
    """The topics of one ledger."""

    def __init__(self, settings: KafkaSettings, ledger: Ledger, client_id: str) -> None:
        """Nothing is connected before the first call."""
        self._settings, self._ledger, self._client_id = settings, ledger, client_id

    async def prepare(self, logs: Collection[str], *, create: bool) -> None:
        """See `Bus.prepare`."""
        names = [self._ledger.topic(log) for log in logs]
        async with self._admin() as admin:
            if create:
                there = await within(ANSWER_SECONDS_MAX, admin.list_topics())
                missing = [name for name in names if name not in there]
                await topics.create(admin, missing, self._ledger.shards, self._settings)
            faults = await topics.settled_faults(admin, names, self._ledger.shards, self._settings)
        if faults:
            raise TopicMismatchError(faults)

    async def remove(self, logs: Collection[str]) -> None:
        """See `Bus.remove`."""
        async with self._admin() as admin:
            await topics.remove(admin, [self._ledger.topic(log) for log in logs])

    async def ends(self, places: Collection[Place]) -> Mapping[Place, TopicEnd]:
        """See `Bus.ends`."""
        partitions = {self._partition(place): place for place in places}
        async with self._consumer(partitions) as consumer:
            first = await within(ANSWER_SECONDS_MAX, consumer.beginning_offsets(list(partitions)))
            end = await within(ANSWER_SECONDS_MAX, consumer.end_offsets(list(partitions)))
            filled = [partition for partition in partitions if end[partition] > first[partition]]
            last = await self._last(consumer, {partition: end[partition] - 1 for partition in filled})
        return {
            place: TopicEnd(first[partition], end[partition], last.get(partition))
            for partition, place in partitions.items()
        }

    async def publisher(self) -> "KafkaPublisher":
        """See `Bus.publisher`."""
        producer = AIOKafkaProducer(
            **self._connection(),
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=RECORD_BYTES_MAX,
            linger_ms=0,
            retry_backoff_ms=RETRY_MS,
        )
        pace(producer.client)
        try:
            await within(ANSWER_SECONDS_MAX, producer.start())
        except BaseException:
            await abandon(drop_producer(producer))
            raise
        return KafkaPublisher(producer, self._ledger)

    async def tail(self, places: Collection[Place]) -> "KafkaTail":
        """See `Bus.tail`."""
        partitions = {self._partition(place): place for place in places}
        consumer = await self._started(partitions)
        try:
            await within(ANSWER_SECONDS_MAX, consumer.seek_to_end(*partitions))
            # the position is only known once the broker has been asked
            for partition in partitions:
                await within(ANSWER_SECONDS_MAX, consumer.position(partition))
        except BaseException:
            await abandon(consumer.stop())
            raise
        return KafkaTail(consumer, partitions)

    async def scan(self, place: Place) -> AsyncIterator[Sequence[Recorded]]:
        """See `Bus.scan`."""
        partition = self._partition(place)
        async with self._consumer([partition]) as consumer:
            at = (await within(ANSWER_SECONDS_MAX, consumer.beginning_offsets([partition])))[partition]
            end = (await within(ANSWER_SECONDS_MAX, consumer.end_offsets([partition])))[partition]
            consumer.seek(partition, at)
            while at < end:
                records = (await fetched(consumer, ANSWER_SECONDS_MAX)).get(partition, [])
                if not records:
                    raise BusUnavailableError(f"{place}: nothing came for {ANSWER_SECONDS_MAX:g} s")
                at = records[-1].offset + 1
                yield [event(place, record) for record in records if record.offset < end]

    async def close(self) -> None:
        """See `Bus.close`; waits for what was abandoned, a moment."""
        await abandoned()

    def _partition(self, place: Place) -> TopicPartition:
        return TopicPartition(self._ledger.topic(place[0]), place[1])

    def _connection(self) -> dict[str, Any]:
        settings = self._settings
        secure = settings.protocol in {"SSL", "SASL_SSL"}
        return {
            "bootstrap_servers": settings.bootstrap,
            "client_id": self._client_id,
            "request_timeout_ms": int(ANSWER_SECONDS_MAX * 1000),
            "security_protocol": settings.protocol,
            "ssl_context": ssl.create_default_context(cafile=settings.ca_file) if secure else None,
            "sasl_mechanism": settings.mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password,
        }

    @asynccontextmanager
    async def _admin(self) -> AsyncGenerator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._connection())
        try:
            await within(ANSWER_SECONDS_MAX, admin.start())
            yield admin
        finally:
            await abandon(admin.close())

    async def _started(self, partitions: Collection[TopicPartition]) -> AIOKafkaConsumer:
        """Return a consumer on partitions that are there: the driver retries unknown ones for 40 s."""
        consumer = AIOKafkaConsumer(
            **self._connection(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=BATCH_BYTES_MAX * 4,
            retry_backoff_ms=RETRY_MS,
        )
        pace(consumer._client)  # noqa: SLF001 there is no other way to it
        try:
            await within(ANSWER_SECONDS_MAX, consumer.start())
            _require(partitions, await within(ANSWER_SECONDS_MAX, consumer.topics()))
            consumer.assign(list(partitions))
        except BaseException:
            await abandon(consumer.stop())
            raise
        return consumer

    @asynccontextmanager
    async def _consumer(self, partitions: Collection[TopicPartition]) -> AsyncGenerator[AIOKafkaConsumer]:
        consumer = await self._started(partitions)
        try:
            yield consumer
        finally:
            await abandon(consumer.stop())

    async def _last(
        self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, Recorded]:
        found: dict[TopicPartition, Recorded] = {}
        for partition, offset in offsets.items():
            consumer.seek(partition, offset)
        while len(found) < len(offsets):
            came = await fetched(consumer, ANSWER_SECONDS_MAX)
            if not came:
                raise BusUnavailableError("the last records did not come in time")
            for partition, records in came.items():
                last = [record for record in records if record.offset == offsets.get(partition)]
                if last:
                    found[partition] = event((self._log(partition.topic), partition.partition), last[0])
        return found

    def _log(self, topic: str) -> str:
        prefix, suffix = self._ledger.topic("\x00").split("\x00")
        return topic.removeprefix(prefix).removesuffix(suffix)


def _require(partitions: Collection[TopicPartition], there: Collection[str]) -> None:
    missing = {partition.topic for partition in partitions} - set(there)
    if missing:
        raise BusUnavailableError(f"no such topic: {', '.join(sorted(missing))}")
