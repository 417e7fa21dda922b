"""Reads a topic in a process of its own, as its readers are: when each record could be read.

`python -m tests.bench.arrivals BOOTSTRAP TOPIC PARTITIONS` says `ready`, takes the number of records to wait
for as a line, and then says `[[partition, offset, seconds], …]`. The seconds are of the machine's monotonic
clock, which all its processes share.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

SECONDS_MAX = 30.0
LINE_BYTES_MAX = 16 << 20
Arrivals = Mapping[tuple[int, int], float]
"""When a record came to the reader, by partition and offset."""


async def read(bootstrap: str, topic: str, partitions: int) -> list[tuple[int, int, float]]:
    """Read what comes from now on, until there are as many records as the line that comes in says."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    there = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(there)
    await consumer.seek_to_end(*there)
    for partition in there:
        await consumer.position(partition)  # only known once the broker has been asked
    print("ready", flush=True)
    wanted = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    found: list[tuple[int, int, float]] = []
    while not wanted.done() or len(found) < int(wanted.result()):
        for partition, records in (await consumer.getmany(timeout_ms=50)).items():
            now = time.perf_counter()
            found += [(partition.partition, record.offset, now) for record in records]
    await consumer.stop()
    return found


@asynccontextmanager
async def arriving(
    bootstrap: str, topic: str, partitions: int
) -> AsyncGenerator[Callable[[int], Awaitable[Arrivals]]]:
    """Start such a reader; yields how to wait for some records, and to be told when all came."""
    reader = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.arrivals",
        bootstrap,
        topic,
        str(partitions),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    assert reader.stdin is not None, "a pipe"
    assert reader.stdout is not None, "a pipe"
    coming, told = reader.stdout, reader.stdin

    async def arrivals(count: int) -> Arrivals:
        told.write(f"{count}\n".encode())
        async with asyncio.timeout(SECONDS_MAX):
            found = json.loads(await coming.readline())
        return {(partition, offset): at for partition, offset, at in found}

    try:
        async with asyncio.timeout(SECONDS_MAX):
            assert await coming.readline() == b"ready\n", "the reader has ended early"
        yield arrivals
    finally:
        if reader.returncode is None:
            reader.kill()
        await reader.wait()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))), flush=True)
