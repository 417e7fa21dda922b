import json
from typing import Any, cast

from infra.event_store import EventStore
from tests.support.http_deals import sell, terms
from tests.support.http_world import World

HOUR = {"start": "2026-10-01T00:00:00Z", "end": "2026-10-01T01:00:00Z"}


def usage(id_: str, seconds: Any = 3_600_000, **more: Any) -> dict[str, Any]:
    data = {
        "pool": "memphis",
        "reservation": "spacex/for-google/gpus",
        "interval": HOUR,
        "gpu_seconds": seconds,
        "peak_gpus": 1000,
    }
    envelope = {
        "specversion": "1.0",
        "id": id_,
        "source": "/dc/memphis",
        "type": "capacity.UsageReported.v1",
        "time": HOUR["end"],
        "data": data,
    }
    return {**envelope, **more}


async def post(world: World, body: Any, media: str, as_: str = "spacex", **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": media, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return await world.call("capacity", "POST", "/v1/events", as_=as_, raw=raw, headers=sent)


async def ready(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})


async def test_one_structured_event_is_taken_once_and_for_ever(world: World) -> None:
    await ready(world)
    first = await post(world, usage("u-1"), "application/cloudevents+json")
    again = await post(world, usage("u-1"), "application/cloudevents+json; charset=utf-8")
    other = await post(world, usage("u-1", 1), "application/cloudevents+json")
    assert first.json["outcome"] == "accepted", first.json
    assert again.json["outcome"] == "duplicate"
    assert again.json["receipt"] == first.json["receipt"]
    assert (other.status, other.code) == (422, "id_reused")


async def test_source_and_id_together_are_the_key(world: World) -> None:
    await ready(world)
    mine = await post(world, usage("u-1"), "application/cloudevents+json")
    data = {**usage("u-1")["data"], "interval": {**HOUR, "end": "2026-10-01T00:30:00Z"}}
    elsewhere = usage("u-1", source="/dc/other", data=data)
    other = await post(world, elsewhere, "application/cloudevents+json")
    assert (mine.json["outcome"], other.json["outcome"]) == ("accepted", "accepted")


async def test_a_correction_names_the_report_by_its_id_of_the_same_source(world: World) -> None:
    await ready(world)
    await post(world, usage("u-1"), "application/cloudevents+json")
    fixed = usage("c-1", 1_800_000, type="capacity.UsageCorrected.v1")
    fixed["data"]["corrects"] = "u-1"
    reply = await post(world, fixed, "application/cloudevents+json")
    assert reply.json["outcome"] == "accepted", reply.json


async def test_the_binary_form_has_its_attributes_in_headers(world: World) -> None:
    await ready(world)
    headers = {
        "ce_specversion": "1.0",
        "ce_id": "u%201",
        "ce_source": "/dc/memphis",
        "ce_type": "capacity.UsageReported.v1",
        "ce_time": HOUR["end"],
    }
    reply = await post(world, usage("")["data"], "application/json", **headers)
    assert (reply.json["outcome"], reply.json["id"]) == ("accepted", "u 1")


async def test_a_batch_answers_each_in_order(world: World) -> None:
    await ready(world)
    events = [usage("u-1"), usage("u-1"), usage("u-2", "x"), usage("u-3", type="capacity.Nothing.v1"), 5]
    reply = await post(world, events, "application/cloudevents-batch+json")
    outcomes = [result["outcome"] for result in reply.json["results"]]
    assert outcomes == ["accepted", "duplicate", "rejected", "rejected", "rejected"]
    assert reply.json["results"][2]["problem"]["errors"][0]["pointer"] == "/2/data/gpu_seconds"


async def test_a_stream_of_lines_has_one_answer_a_line(world: World) -> None:
    await ready(world)
    lines = [
        json.dumps(usage("u-1")),
        "",
        "{broken",
        json.dumps(usage("u-2", 5, data={"pad": "x" * 70_000})),
        json.dumps(usage("u-1")),
        '{"id": "\\ud800"}',
    ]
    reply = await post(world, "\n".join(lines).encode(), "application/jsonl")
    assert reply.status == 200
    results = [json.loads(line) for line in reply.body.splitlines()]
    outcomes = [result["outcome"] for result in results]
    assert outcomes == ["accepted", "rejected", "rejected", "duplicate", "rejected"]
    codes = [result.get("problem", {}).get("errors", [{}])[0].get("code") for result in results]
    assert codes == [None, "not_json", "too_large", None, "not_unicode"]


async def test_a_long_stream_is_answered_whole(world: World) -> None:
    await ready(world)
    lines = b"\n".join(json.dumps(usage(f"u-{number % 700}")).encode() for number in range(1500))
    reply = await post(world, lines, "application/x-ndjson")
    outcomes = [json.loads(line)["outcome"] for line in reply.body.splitlines()]
    assert (len(outcomes), outcomes.count("accepted") + outcomes.count("duplicate")) == (1500, 1500)


async def test_an_event_of_another_service_is_told_where_it_belongs(world: World) -> None:
    event = usage("x", type="contracts.ContractSigned.v1", data={"contract": "a", "terms": terms("a", "b")})
    reply = await post(world, event, "application/cloudevents+json")
    assert (reply.status, reply.code) == (422, "type_unknown")
    assert "contracts" in reply.json["detail"]


async def test_an_event_that_nobody_may_report_is_not_taken(world: World) -> None:
    event = usage("x", type="capacity.CapacityCut.v1", data={})
    reply = await post(world, event, "application/cloudevents+json")
    assert (reply.status, reply.code) == (422, "type_unknown")


async def test_everything_wrong_with_an_envelope_is_told(world: World) -> None:
    event = {
        "specversion": "0.3",
        "source": "a b",
        "type": "capacity.UsageReported.v1",
        "Odd": 1,
        "time": "noon",
    }
    event |= {"data_base64": "AA==", "datacontenttype": "text/xml", "extra": {"deep": 1}}
    reply = await post(world, event, "application/cloudevents+json")
    assert reply.status == 422
    pointers = {fault["pointer"] for fault in reply.json["errors"]}
    assert pointers >= {
        "/specversion",
        "/id",
        "/source",
        "/Odd",
        "/time",
        "/data_base64",
        "/datacontenttype",
        "/extra",
    }


async def test_a_key_without_the_scope_cannot_report(world: World) -> None:
    await world.key("reader", ("capacity:read",))
    reply = await post(world, usage("u-1"), "application/cloudevents+json", as_="reader")
    assert (reply.status, reply.code) == (403, "scope_missing")
    reply = await post(world, [usage("u-1")], "application/cloudevents-batch+json", as_="reader")
    assert reply.json["results"][0]["problem"]["code"] == "scope_missing"


async def test_a_dry_run_of_facts_records_nothing(world: World) -> None:
    await ready(world)
    raw = json.dumps(usage("u-1")).encode()
    headers = {"Content-Type": "application/cloudevents+json"}
    path = "/v1/events?dry_run=true"
    reply = await world.call("capacity", "POST", path, as_="spacex", raw=raw, headers=headers)
    assert reply.json["dry_run"] is True
    assert [event["type"] for event in reply.json["events"]] == ["capacity.UsageReported.v1"]
    assert (await post(world, usage("u-1"), "application/cloudevents+json")).json["outcome"] == "accepted"


async def test_a_batch_that_is_repeated_is_read_back_at_once_with_its_first_receipts(world: World) -> None:
    items = [
        {
            "id": f"sign-{n}",
            "type": "contracts.SignContract.v1",
            "data": {"contract": f"deal-{n}", "terms": terms("spacex", "google")},
        }
        for n in range(40)
    ]
    first = await world.call("contracts", "POST", "/v1/commands", as_="spacex", body=items)
    node = world.system.parts["contracts"].node
    reads = Reads(node.store)
    node.store = cast("EventStore", reads)
    again = await world.call("contracts", "POST", "/v1/commands", as_="spacex", body=items[::-1])
    assert {one["outcome"] for one in again.json["results"]} == {"duplicate"}
    receipts = [one["receipt"] for one in first.json["results"]]
    assert [one["receipt"] for one in again.json["results"]] == receipts[::-1]
    assert reads.count == 1


class Reads:
    """A store that counts how often a shard is read."""

    def __init__(self, store: Any) -> None:
        self._store, self.count = store, 0

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Any:
        self.count += 1
        return await self._store.shard(log, shard, after, limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
