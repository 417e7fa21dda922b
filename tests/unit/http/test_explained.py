"""An explanation names what entered by tokens: whoever may see an event opens it with one, nobody else."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.http_deals import sell
from tests.support.http_world import World

INTERVAL = {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}
QUESTION = {"statement": "spacex/for-google-2026-10", "line": 1}


@pytest.fixture
async def billed(world: World) -> World:
    await sell(world, "spacex", {"google": "deal-1", "meta": "deal-2"})
    await world.system.advance(datetime(2026, 11, 2, tzinfo=UTC))
    issue = {"contract": "for-google", "interval": INTERVAL}
    result = await world.command("settlement", "spacex", "settlement.IssueStatement.v1", issue)
    assert result["outcome"] == "accepted", result
    await world.system.rest()
    return world


def clause(answer: Any) -> str:
    token: str = answer["clauses"][0]["token"]
    return token


async def test_the_tokens_of_an_explanation_open_its_events_for_both_parties(billed: World) -> None:
    for party in ("spacex", "google"):
        reply = await billed.ask("settlement.explain", party, QUESTION)
        told = [*reply.json["answer"]["clauses"], *reply.json["answer"]["facts"]]
        opened = [
            await billed.call("contracts", "GET", f"/v1/events/{one['token']}", as_=party) for one in told
        ]
        assert told
        assert [reply.status for reply in opened] == [200] * len(told)
        assert [reply.json["event"]["type"] for reply in opened] == [one["type"] for one in told]
        assert not {"position", "shard", "event"} & {key for one in told for key in one}


async def test_a_token_shows_nobody_what_it_may_not_see(billed: World) -> None:
    reply = await billed.ask("settlement.explain", "google", QUESTION)
    token = clause(reply.json["answer"])

    for path in (f"/v1/events/{token}", f"/v1/events/{token}/why"):
        rivals = await billed.call("contracts", "GET", path, as_="meta")
        spoilt = await billed.call("contracts", "GET", path.replace(token, token[:-4] + "AAAA"), as_="meta")
        assert (rivals.status, spoilt.status) == (404, 404)
        assert rivals.json["code"] == spoilt.json["code"]


async def test_the_same_basis_gives_the_same_tokens(billed: World) -> None:
    first = await billed.ask("settlement.explain", "google", QUESTION)
    again = await billed.ask("settlement.explain", "google", QUESTION, known_at=first.json["basis"])

    assert again.body == first.body


async def test_operations_open_what_a_token_seals_with_its_place(billed: World) -> None:
    reply = await billed.ask("settlement.explain", "google", QUESTION)
    headers = {"Authorization": f"Bearer {await billed.operations()}"}

    path = f"/v1/events/{clause(reply.json['answer'])}"
    opened = await billed.call("contracts", "GET", path, headers=headers)

    assert opened.status == 200
    assert opened.json["event"]["position"].startswith("contracts:")
    assert "deal-1" in json.dumps(opened.json)
