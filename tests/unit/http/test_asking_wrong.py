"""Questions with several things wrong are told all of them; what was meant otherwise is told where to go."""

from typing import Any

from tests.support.http_world import World


def places(problem: Any) -> set[str]:
    return {fault["pointer"] for fault in problem["errors"]}


async def test_a_question_by_url_is_told_its_faults_and_those_of_its_instants_together(world: World) -> None:
    path = "/v1/contracts/spacex/x/exposure?seen_by=nobody&valid_at=x&known_at=y&frob=1"
    reply = await world.call("contracts", "GET", path, as_="spacex")
    assert reply.status == 422
    assert places(reply.json) == {"/seen_by", "/valid_at", "/known_at", "/frob"}


async def test_a_question_by_name_is_told_its_faults_and_those_of_its_instants_together(world: World) -> None:
    body: dict[str, Any] = {
        "ask": "contracts.terms",
        "with": {"contract": 5},
        "valid_at": 5,
        "known_at": {},
        "after": [],
    }
    reply = await world.call("contracts", "POST", "/v1/asks", as_="spacex", body=body)
    assert places(reply.json) == {"/with/contract", "/valid_at", "/known_at", "/after"}


async def test_an_event_among_commands_is_told_where_it_is_reported_and_the_other_way_round(
    world: World,
) -> None:
    item: dict[str, Any] = {"type": "contracts.ContractSigned.v1", "data": {}}
    reply = await world.call("contracts", "POST", "/v1/commands", as_="spacex", body=[item])
    assert "POST /v1/events" in reply.json["results"][0]["problem"]["detail"]
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "1",
        "source": "/a",
        "type": "contracts.SignContract.v1",
        "data": {},
    }
    headers = {"Content-Type": "application/cloudevents+json"}
    told = await world.call("contracts", "POST", "/v1/events", as_="spacex", body=event, headers=headers)
    assert "POST /v1/commands" in told.json["detail"]


async def test_an_idempotency_key_that_is_none_is_named_as_the_header_that_it_is(world: World) -> None:
    path, headers = "/v1/contracts/spacex/x/sign", {"Idempotency-Key": "a b"}
    reply = await world.call("contracts", "POST", path, as_="spacex", body={}, headers=headers)
    assert places(reply.json) == {"/Idempotency-Key", "/terms"}


async def test_a_feed_begins_at_the_start_or_now_and_nowhere_else(world: World) -> None:
    reply = await world.call("contracts", "GET", "/v1/events/stream?tenant=spacex&from=noon", as_="spacex")
    assert (reply.status, places(reply.json)) == (422, {"/from"})


async def test_the_name_of_a_ledger_is_described_in_words(world: World) -> None:
    await world.operations()
    body = {"ledger": "Bad Name", "clock": "2026-06-08T00:00:00Z"}
    reply = await world.call("contracts", "POST", "/v1/ledgers", as_="operations", body=body)
    (fault,) = reply.json["errors"]
    assert fault["expected"].startswith("Letters a-z")


async def test_an_instant_that_is_none_is_one_fault_in_words_that_say_what_would_be(world: World) -> None:
    path = "/v1/tenants/spacex/commitments?from=noon&to=2026-02-30T00:00:00Z"
    reply = await world.call("contracts", "GET", path, as_="spacex")
    told = [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]]
    assert told == [("/from", "pattern"), ("/to", "format")]
    assert reply.json["errors"][0]["expected"].startswith("RFC 3339")
