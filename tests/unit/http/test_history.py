import asyncio
import base64
import json
from hashlib import sha256
from typing import Any

from tests.support.http_deals import sell, terms
from tests.support.http_world import World


async def events_of(world: World, tenant: str, query: str = "") -> list[dict[str, Any]]:
    reply = await world.call("contracts", "GET", f"/v1/history?limit=1000{query}", as_=tenant)
    found: list[dict[str, Any]] = reply.json["events"]
    return found


async def test_a_history_holds_ones_own_book_and_what_one_is_party_to_over_all_logs(world: World) -> None:
    await sell(world, "spacex", {"google": "x", "meta": "y"})
    own = await events_of(world, "spacex")
    google = await events_of(world, "google")
    assert {event["source"].rpartition("/")[2] for event in own} >= {"contracts", "capacity"}
    assert [event["recordedtime"] for event in own] == sorted(event["recordedtime"] for event in own)
    assert {event["counterparty"] for event in google} == {"google"}
    assert "contracts.ContractSigned.v1" in {event["type"] for event in google}


async def test_pages_go_on_from_a_cursor_and_tell_what_was_known_at_the_first(world: World) -> None:
    await sell(world, "spacex", {"google": "x", "meta": "y"})
    whole = await events_of(world, "spacex")
    page = await world.call("contracts", "GET", "/v1/history?limit=3", as_="spacex")
    found = page.json["events"]
    late = {"contract": "late", "terms": terms("spacex", "meta")}
    await world.command("contracts", "spacex", "contracts.SignContract.v1", late)
    while (cursor := page.json["cursor"]) is not None:
        page = await world.call("capacity", "GET", f"/v1/history?limit=3&cursor={cursor}", as_="spacex")
        found += page.json["events"]
    assert [event["id"] for event in found] == [event["id"] for event in whole]
    basis = page.json["basis"]
    again = await events_of(world, "spacex", f"&known_at={basis}")
    assert [event["id"] for event in again] == [event["id"] for event in whole]


async def test_a_cursor_serves_nobody_else(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    page = await world.call("contracts", "GET", "/v1/history?limit=1", as_="spacex")
    stolen = await world.call("contracts", "GET", f"/v1/history?cursor={page.json['cursor']}", as_="google")
    assert (stolen.status, stolen.code) == (422, "token_invalid")


async def test_a_history_comes_as_lines_too(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    headers = {"Accept": "application/x-ndjson"}
    reply = await world.call("contracts", "GET", "/v1/history", as_="spacex", headers=headers)
    lines = [json.loads(line) for line in reply.body.splitlines()]
    assert [line["id"] for line in lines] == [event["id"] for event in await events_of(world, "spacex")]
    assert reply.headers["Capledger-Basis"].startswith("bas_")


async def test_a_history_with_one_partner_is_what_both_may_see(world: World) -> None:
    await sell(world, "spacex", {"google": "x", "meta": "y"})
    shared = await events_of(world, "spacex", "&tenant=google")
    assert [event["id"] for event in shared] == [event["id"] for event in await events_of(world, "google")]


async def test_operations_see_everybody_with_positions(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    await world.operations()
    seen = await events_of(world, "operations", "&tenant=google")
    assert seen
    assert all(event["position"].count(":") == 2 and event["command"] for event in seen)


async def test_why_tells_the_causes_and_the_effects(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    events = await events_of(world, "spacex")
    (signed,) = [event for event in events if event["type"] == "contracts.ContractSigned.v1"]
    confirmed = [event for event in events if event["type"] == "contracts.LineConfirmed.v1"]
    assert confirmed, [event["type"] for event in events]
    reply = await world.call("contracts", "GET", f"/v1/events/{confirmed[0]['id']}/why", as_="spacex")
    told = reply.json
    assert told["causes"][0]["id"] == signed["id"]
    assert told["causes"][0]["causedby"] is None
    effects = {effect["id"]: effect for effect in told["effects"]}
    assert effects[confirmed[0]["id"]]["causedby"] in effects
    assert told["complete"] is True
    one = await world.call("contracts", "GET", f"/v1/events/{signed['id']}", as_="spacex")
    assert one.json["event"]["id"] == signed["id"]


async def test_the_feed_goes_on_from_its_cursor_without_gap_or_repeat(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    whole = [event["id"] for event in await events_of(world, "spacex")]
    seen: list[str] = []
    cursor: str | None = None
    while len(seen) < len(whole):
        cursor, ids = await _read(world, "spacex", cursor, at_most=min(2, len(whole) - len(seen)))
        seen += ids
    assert seen == whole
    reading = asyncio.create_task(_read(world, "spacex", cursor, at_most=1))
    await asyncio.sleep(0)
    late = {"contract": "late", "terms": terms("spacex", "meta")}
    signed = await world.command("contracts", "spacex", "contracts.SignContract.v1", late)
    _, ids = await reading
    assert ids == [signed["receipt"]["events"][0]["event_id"]]


async def test_a_log_is_told_whole_to_who_may_follow_it(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    await world.operations()
    shard = await world.system.store.placed("contracts", "spacex")
    path = f"/v1/logs/contracts/{shard}"
    reply = await world.call("contracts", "GET", path, as_="operations")
    lines = [json.loads(line) for line in reply.body.splitlines()]
    assert [line["position"] for line in lines] == list(range(1, len(lines) + 1))
    kept = await world.system.store.shard("contracts", shard or 0, 0)
    payload = base64.b64decode(lines[0]["payload"])
    assert sha256(payload).digest() == sha256(kept[0].payload).digest()
    assert lines[0]["chain"] == kept[0].chain.hex()
    rest = await world.call("contracts", "GET", f"{path}?after=1", as_="operations")
    assert len(rest.body.splitlines()) == len(lines) - 1
    for wrong in ("/v1/logs/nothing/0", "/v1/logs/contracts/99", "/v1/logs/contracts/x"):
        assert (await world.call("contracts", "GET", wrong, as_="operations")).status == 404
    bad = await world.call("contracts", "GET", f"{path}?after=-1&limit=0", as_="operations")
    assert bad.status == 422


async def _read(
    world: World, tenant: str, cursor: str | None, *, at_most: int
) -> tuple[str | None, list[str]]:
    headers = {"Authorization": f"Bearer {await world.key(tenant)}"}
    if cursor is not None:
        headers["Last-Event-ID"] = cursor
    found: list[str] = []
    url = "/v1/events/stream?from=start"
    async with world.clients["contracts"].get(url, headers=headers) as response:
        assert response.status == 200
        async with asyncio.timeout(10):
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line.startswith("id: "):
                    cursor = line[4:]
                elif line.startswith("data: "):
                    found.append(json.loads(line[6:])["id"])
                    if len(found) == at_most:
                        break
    return cursor, found
