"""A number that is not whole hides nothing else that is wrong with a message."""

import json
from typing import Any

from tests.support.http_deals import terms
from tests.support.http_world import World

SIGN = "/v1/contracts/spacex/for-google/sign"
EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "https://spacex.example",
    "type": "contracts.ContractSigned.v1",
    "time": "2026-06-08T00:00:00Z",
}


def wrong() -> dict[str, Any]:
    """Terms with a fraction of a GPU, a bare amount, a currency in small letters, and a field too many."""
    found = terms("spacex", "google")
    found["lines"][0]["quantity"][0]["quantity"] = 1.5
    found["charges"][0]["steps"][0]["amount"] = 920.25
    return {**found, "currency": "usd", "more": 1}


def places(problem: Any, below: str = "") -> dict[str, str]:
    return {fault["pointer"].removeprefix(below): fault["code"] for fault in problem["errors"]}


EXPECTED = {
    "/terms/lines/0/quantity/0/quantity": "number_not_whole",
    "/terms/charges/0/steps/0/amount": "number_not_whole",
    "/terms/currency": "pattern",
    "/terms/more": "unknown_field",
}


async def test_a_command_is_told_all_of_its_faults(world: World) -> None:
    reply = await world.call("contracts", "POST", SIGN, as_="spacex", body={"terms": wrong()})
    assert (reply.status, places(reply.json)) == (422, EXPECTED)


async def test_a_batch_is_told_the_faults_of_every_item(world: World) -> None:
    item = {"id": "1", "type": "contracts.SignContract.v1", "data": {"contract": "a", "terms": wrong()}}
    other = {"id": "2", "type": "contracts.SignContract.v1", "data": {"contract": "b"}}
    reply = await world.call("contracts", "POST", "/v1/commands", as_="spacex", body=[item, other])
    expected = {f"/0/data{place}": code for place, code in EXPECTED.items()}
    assert reply.status == 422
    assert places(reply.json) == {**expected, "/1/data/terms": "required"}


async def test_a_fact_is_told_all_of_its_faults_in_every_form(world: World) -> None:
    event = {**EVENT, "time": "today", "data": {"contract": "a", "terms": wrong()}}
    expected = {f"/data{place}": code for place, code in EXPECTED.items()} | {"/time": "pattern"}
    sent = json.dumps(event).encode()
    for media, body in (
        ("application/cloudevents+json", sent),
        ("application/jsonl", sent + b"\n"),
        ("application/cloudevents-batch+json", b"[" + sent + b"]"),
    ):
        headers = {"Content-Type": media}
        reply = await world.call("contracts", "POST", "/v1/events", as_="spacex", raw=body, headers=headers)
        problem = json.loads(reply.body)
        problem = problem.get("problem", problem)
        below = "/0" if media.endswith("batch+json") else ""
        assert places(problem, below) == expected, media


async def test_what_else_cannot_be_read_is_told_as_before(world: World) -> None:
    reply = await world.call("contracts", "POST", SIGN, as_="spacex", raw=b'{"terms": 1.5, "terms": 2}')
    assert {fault["code"] for fault in reply.json["errors"]} == {"duplicate_key"}
