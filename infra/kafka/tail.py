"""Reading records, as events."""

from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from infra.bus import BusError, Place
from infra.event_store import Recorded
from infra.kafka.waiting import ANSWER_SECONDS_MAX, abandon, within
from infra.records import ForeignRecordError, recorded_from

PAGE = 1000


class KafkaTail:
    """Reads on through one consumer."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: Mapping[TopicPartition, Place]) -> None:
        """Take a consumer that stands where it is to read on."""
        self._consumer, self._partitions = consumer, partitions

    async def read(self, seconds_max: float) -> Mapping[Place, Sequence[Recorded]]:
        """See `Tail.read`."""
        found: dict[Place, Sequence[Recorded]] = {}
        for partition, records in (await fetched(self._consumer, seconds_max)).items():
            place = self._partitions[partition]
            found[place] = [one for record in records if (one := ours(place, record)) is not None]
        return found

    async def close(self) -> None:
        """See `Tail.close`."""
        await abandon(self._consumer.stop())


async def fetched(
    consumer: AIOKafkaConsumer, seconds_max: float
) -> Mapping[TopicPartition, list[ConsumerRecord]]:
    """Return the next records of every partition; none if nothing came in time."""
    waiting = consumer.getmany(timeout_ms=int(seconds_max * 1000), max_records=PAGE)
    return await within(seconds_max + ANSWER_SECONDS_MAX, waiting)


def event(place: Place, record: ConsumerRecord) -> Recorded:
    """Return the event of a record.

    Raises:
        BusError: we did not write it.
    """
    try:
        return recorded_from(*place, record.value, record.headers)
    except ForeignRecordError as error:
        raise BusError(f"offset {record.offset}: {error}") from error


def ours(place: Place, record: ConsumerRecord) -> Recorded | None:
    """Return the event of a record; None for a foreign one, which is nothing to us."""
    try:
        return recorded_from(*place, record.value, record.headers)
    except ForeignRecordError:
        return None
