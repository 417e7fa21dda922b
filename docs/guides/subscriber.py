"""A subscriber of one log's topic: counts events by type, misses nothing, counts nothing twice.

    .venv/bin/python docs/guides/subscriber.py LOG STATE-FILE [--last]

It keeps its effect and its place in one file, replaced as a whole: after a crash both are from the same
moment. With --last it looks at the last record of each partition only, as if the topic had let go of all
others: what is missing comes from the log, over HTTP. Ends when it has caught up.
"""

import asyncio
import base64
import json
import os
import sys
from collections import Counter
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from infra.client import Client
from infra.gapless import Gapless

OWNER = {"contracts": "contracts", "capacity": "capacity", "usage": "capacity", "settlement": "settlement"}


def meta_of(event: dict) -> dict:
    """Who, why, and what must have been read first: of a record, or of a line of the log."""
    return json.loads(event["headers"]["ledger-meta"] if "headers" in event else base64.b64decode(event["meta"]))


async def main(log: str, file: Path, last_only: bool) -> None:
    state = json.loads(file.read_text()) if file.exists() else {"positions": {}, "counts": {}}
    counts = Counter(state["counts"])
    topic = f"capledger.{log}.events.v1"
    # no group: the place is kept with the effect
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=os.environ["KAFKA"], group_id=None)
    async with await Client.find(os.environ["CONTRACTS"], os.environ["FOLLOW_KEY"]) as client:
        fetched = Counter()

        async def fetch(of: str, shard: int, after: int) -> list[dict]:
            found = await client.log(OWNER[of], of, shard, after)
            fetched["over HTTP"] += len(found)
            return found

        places = {(log, int(shard)): at for shard, at in state["positions"].items()}
        gapless = Gapless(fetch, places)
        await consumer.start()
        try:
            partitions = sorted(consumer.assignment())
            ends = await consumer.end_offsets(partitions)
            starts = await consumer.beginning_offsets(partitions)
            for partition in partitions:
                first = max(starts[partition], ends[partition] - 1) if last_only else starts[partition]
                consumer.seek(partition, first)
            left = {one: end for one, end in ends.items() if end > starts[one]}
            while left:
                for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                    for record in records:
                        headers = {name: value.decode() for name, value in record.headers}
                        event = {"position": int(headers["ledger-position"]), "type": headers["ce_type"], "headers": headers}
                        # the one rule: last + 1 is applied, lower was seen, higher leaves a gap that is fetched first
                        for one in await gapless.offer(log, partition.partition, event):
                            assert meta_of(one)["actor"]
                            counts[one["type"]] += 1
                    if records[-1].offset + 1 >= left.get(partition, 0):
                        left.pop(partition, None)
                positions = {str(shard): at for (_, shard), at in gapless.last.items()}
                partial = file.with_suffix(".new")
                partial.write_text(json.dumps({"positions": positions, "counts": counts}))
                partial.replace(file)
        finally:
            await consumer.stop()
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    print(f"{sum(counts.values())} events, {fetched['over HTTP']} of them fetched over HTTP")


if __name__ == "__main__":

    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), "--last" in sys.argv))
