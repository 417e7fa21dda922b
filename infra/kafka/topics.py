"""What a topic must be like: made so where it is missing, and refused where it is not so."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from infra.bus import BusUnavailableError, TopicMismatchError
from infra.config import KafkaSettings
from infra.kafka.publisher import BATCH_BYTES_MAX, RECORD_BYTES_MAX
from infra.kafka.waiting import ANSWER_SECONDS_MAX, within

SETTLE_SECONDS_MAX = 3.0
SETTLE_LOOK_SECONDS = 0.05


def settings_of_topics(settings: KafkaSettings) -> dict[str, str]:
    """Return the settings of every topic of ours."""
    return {
        "retention.ms": str(settings.retention_ms),
        "min.insync.replicas": str(settings.min_insync),
        "cleanup.policy": "delete",
        "max.message.bytes": str(RECORD_BYTES_MAX + BATCH_BYTES_MAX),
    }


async def create(
    admin: AIOKafkaAdminClient, names: Sequence[str], partitions: int, settings: KafkaSettings
) -> None:
    """Make topics; one that is there already is left as it is.

    Raises:
        TopicMismatchError: the brokers refuse to.
    """
    wanted = settings_of_topics(settings)
    topics = [NewTopic(name, partitions, settings.replication, topic_configs=wanted) for name in names]
    if not topics:
        return
    answer = await within(ANSWER_SECONDS_MAX, admin.create_topics(topics))
    for name, code, text in answer.topic_errors:
        kind = for_code(code)
        if code and kind is not TopicAlreadyExistsError:
            raise TopicMismatchError([f"{name}: {kind.__name__} {text or ''}".strip()])


async def remove(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """Remove topics; those that are not there are left alone.

    Raises:
        BusUnavailableError: the brokers refuse to.
    """
    answer = await within(ANSWER_SECONDS_MAX, admin.delete_topics(list(names)))
    for name, code in answer.topic_error_codes:
        kind = for_code(code)
        if code and kind is not UnknownTopicOrPartitionError:
            raise BusUnavailableError(f"{name} cannot be removed: {kind.__name__}")


async def settled_faults(
    admin: AIOKafkaAdminClient, names: Sequence[str], partitions: int, settings: KafkaSettings
) -> list[str]:
    """Return what is wrong with topics, once they are known: brokers learn of a new topic a moment later."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while found := await faults(admin, names, partitions, settings):
        if time.monotonic() > deadline:
            return found
        await asyncio.sleep(SETTLE_LOOK_SECONDS)
    return []


async def faults(
    admin: AIOKafkaAdminClient, names: Sequence[str], partitions: int, settings: KafkaSettings
) -> list[str]:
    """Return everything about topics that is not as it must be."""
    found: list[str] = []
    for topic in await within(ANSWER_SECONDS_MAX, admin.describe_topics(list(names))):
        name, there = topic["topic"], len(topic["partitions"])
        if topic["error_code"]:
            found.append(f"{name}: {for_code(topic['error_code']).__name__}")
        elif there != partitions:
            found.append(f"{name}: {there} partitions for {partitions} shards")
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    for answer in await within(ANSWER_SECONDS_MAX, admin.describe_configs(resources)):
        for code, _, _, name, entries in answer.resources:
            if not code:
                found += _differences(name, settings, {entry[0]: entry[1] for entry in entries})
    return found


def _differences(name: str, settings: KafkaSettings, there: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {setting} is {there.get(setting)}, must be {value}"
        for setting, value in settings_of_topics(settings).items()
        if there.get(setting) != value
    ]
