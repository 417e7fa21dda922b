"""Three tenants, an operator and two rival holders: what one may not see answers like what does not exist."""

import asyncio
import json
import logging
import re
from typing import Any

import pytest

from cli.composition import SERVICES
from infra.http.application import routes_of
from infra.http.asks import paths_of
from infra.http.site import PUBLIC
from infra.service import Ask
from schemas.catalog import LOGS
from tests.support.http_deals import END, START, sell
from tests.support.http_world import Reply, World

MARKS = {"google": "marker-alpha-7341", "meta": "marker-omega-9127"}
RIVALS = (("google", "meta"), ("meta", "google"))
UNKNOWN = "nobody"
WINDOW = {"from": "2026-10-01T00:00:00Z", "to": "2026-10-03T00:00:00Z"}


@pytest.fixture
async def sold(world: World) -> World:
    await sell(world, "spacex", MARKS)
    for holder, mark in MARKS.items():
        data = {
            "pool": "memphis",
            "reservation": f"spacex/for-{holder}/gpus",
            "interval": {"start": START, "end": "2026-10-01T01:00:00Z"},
            "gpu_seconds": 3_600_000,
            "peak_gpus": 1000,
        }
        event = {
            "specversion": "1.0",
            "id": mark,
            "source": "/dc",
            "type": "capacity.UsageReported.v1",
            "data": data,
        }
        reply = await world.call("capacity", "POST", "/v1/events", as_="spacex", body=event)
        assert reply.json["outcome"] == "accepted", reply.json
        payment = {
            "contract": f"for-{holder}",
            "payment": f"p-{mark}",
            "amount": "5.00",
            "received_at": "2026-06-07T00:00:00Z",
        }
        result = await world.command("settlement", "spacex", "settlement.RecordPayment.v1", payment)
        assert result["outcome"] == "accepted", result
    await world.system.rest()
    return world


def _questions(ask: Ask, rival: str) -> dict[str, Any]:
    """Fields for a question about somebody else's things; `rival` may be one that does not exist."""
    known: dict[str, Any] = {
        "contract": f"spacex/for-{rival}",
        "tenant": rival,
        "seen_by": "customer",
        "pool": "spacex/memphis" if rival != UNKNOWN else "spacex/nowhere",
        "pools": ["spacex/memphis"] if rival != UNKNOWN else ["spacex/nowhere"],
        "tier": "firm",
        "quantity": {"gpus": 1, "hours": 1, "not_before": START},
        "step": "month" if ask.name.startswith("contracts") else "day",
        "min_gpus": 1,
        "min_hours": 1,
        "statement": f"spacex/for-{rival}/1",
        "interval": {"start": START, "end": "2026-11-01T00:00:00Z"},
        "line": 1,
        "parties": [rival, "spacex"],
        "currency": "USD",
        "value_date": END,
        **WINDOW,
    }
    fields = set(ask.question.__struct_encode_fields__)
    if {"contract", "tenant"} <= fields:
        fields -= {"tenant"}
    if {"pool", "tenant"} <= fields:
        fields -= {"tenant"}
    if {"statement", "interval"} <= fields:
        fields -= {"statement"}
    return {name: known[name] for name in fields if name in known}


def _bare(reply: Reply, *names: str) -> Any:
    """A reply without what differs in every reply, and with the names that were asked about taken out."""
    text = re.sub(r'"request_id":"[^"]*"', "", reply.body.decode())
    text = re.sub(r'"(basis|cursor)":"[^"]*"', lambda match: f'"{match[1]}":{len(match[0])}', text)
    for name in names:
        text = text.replace(name, "*")
    return (reply.status, text)


async def test_every_question_about_a_rival_is_answered_like_one_about_nobody(sold: World) -> None:
    for service in SERVICES:
        for ask in service.asks:
            for me, rival in RIVALS:
                theirs = await sold.ask(ask.name, me, _questions(ask, rival))
                nobody = await sold.ask(ask.name, me, _questions(ask, UNKNOWN))
                got = _bare(theirs, rival, "memphis"), _bare(nobody, UNKNOWN, "nowhere")
                own_pool = theirs.code == "not_yours_to_do"
                assert got[0] == got[1] or own_pool, (ask.name, got)
                assert MARKS[rival] not in theirs.body.decode()


async def test_every_derived_url_answers_a_rival_like_nobody(sold: World) -> None:
    for service in SERVICES:
        for ask in service.asks:
            path = paths_of(ask)[0]
            if "{contract}" not in path and "{tenant}" not in path:
                continue
            answers: list[Any] = []
            for rival in ("meta", UNKNOWN):
                fields = _questions(ask, rival)
                url = path.replace("{contract}", f"spacex/for-{rival}").replace("{tenant}", rival)
                query = {name: text for name, text in fields.items() if isinstance(text, str)}
                query = {name: text for name, text in query.items() if "{" + name + "}" not in path}
                reply = await sold.call(service.name, "GET", f"{url}?{_query(query)}", as_="google")
                answers.append(_bare(reply, rival))
            assert answers[0] == answers[1], ask.name


async def test_every_command_on_a_rivals_thing_is_refused_like_one_on_nothing(sold: World) -> None:
    before = {log: await sold.system.store.heads(log) for log in LOGS}
    for service in SERVICES:
        for rule in service.rules:
            if rule.internal or rule.subject != "contract":
                continue
            verb = rule.verb
            answers: list[Any] = []
            for rival in ("meta", UNKNOWN):
                data = _command_fields(rule.command, rival)
                url = f"/v1/contracts/spacex/for-{rival}/{verb}"
                reply = await sold.call(service.name, "POST", url, as_="google", body=data)
                answers.append(_bare(reply, rival, reply.json.get("id", "-")))
                assert reply.status >= 400, (verb, reply.body)
            assert answers[0] == answers[1], verb
    assert before == {log: await sold.system.store.heads(log) for log in LOGS}


async def test_nothing_that_a_tenant_can_read_holds_a_rivals_marker(sold: World) -> None:
    for me, rival in RIVALS:
        for service in SERVICES:
            for path in (
                "/v1/history?limit=1000",
                f"/v1/history?tenant={rival}",
                "/v1/history?tenant=spacex",
                "/v1/keys",
                f"/v1/keys?tenant={rival}",
                "/v1/audit",
                "/v1/basis",
                "/v1/event-types",
                "/metrics",
            ):
                reply = await sold.call(service.name, "GET", path, as_=me)
                assert reply.status == 200, (path, reply.body)
                text = reply.body.decode()
                assert MARKS[rival] not in text, (me, path)
                assert rival not in text.replace(f"tenant={rival}", ""), (me, path)


async def test_a_rivals_history_is_as_empty_as_nobodys(sold: World) -> None:
    theirs = await sold.call("contracts", "GET", "/v1/history?tenant=meta", as_="google")
    nobody = await sold.call("contracts", "GET", f"/v1/history?tenant={UNKNOWN}", as_="google")
    assert theirs.json["events"] == nobody.json["events"] == []
    assert _bare(theirs) == _bare(nobody)


async def test_a_rivals_event_is_not_found_like_one_that_never_was(sold: World) -> None:
    history = await sold.call("contracts", "GET", "/v1/history", as_="meta")
    ids = [event["id"] for event in history.json["events"] if MARKS["meta"] in json.dumps(event)]
    assert ids
    for path in ("/v1/events/{}", "/v1/events/{}/why"):
        theirs = await sold.call("contracts", "GET", path.format(ids[0]), as_="google")
        never = await sold.call("contracts", "GET", path.format(ids[0][:-4] + "0000"), as_="google")
        own = await sold.call("contracts", "GET", path.format(ids[0]), as_="meta")
        assert (own.status, theirs.status) == (200, 404)
        assert _bare(theirs) == _bare(never)


async def test_a_rivals_key_is_not_found_like_one_that_never_was(sold: World) -> None:
    ops = await sold.call("contracts", "GET", "/v1/keys", as_="meta")
    (key,) = ops.json["keys"]
    for verb in ("rotate", "revoke"):
        theirs = await sold.call("contracts", "POST", f"/v1/keys/{key['id']}/{verb}", as_="google", body={})
        never = await sold.call("contracts", "POST", f"/v1/keys/{'a' * 16}/{verb}", as_="google", body={})
        assert theirs.status == 404
        assert _bare(theirs) == _bare(never)


async def test_no_tenant_sees_a_position_in_anything(sold: World) -> None:
    for tenant in ("spacex", "google"):
        history = await sold.call("contracts", "GET", "/v1/history", as_=tenant)
        for event in history.json["events"]:
            assert not {"position", "causation", "command", "chain"} & set(event)
            assert ("streamversion" in event) == (event["tenant"] == tenant)


async def test_routes_for_operations_are_closed_to_tenants(sold: World) -> None:
    for service in SERVICES:
        for route in routes_of(service):
            if not route.scope.startswith("ledger:"):
                continue
            path = route.path.replace("{log}", "contracts").replace("{shard}", "0").replace("{ledger}", "x")
            body: dict[str, Any] | None = {} if route.method == "POST" else None
            reply = await sold.call(service.name, route.method, path, as_="google", body=body)
            assert (reply.status, reply.code) == (403, "scope_missing"), route.path


async def test_without_a_key_nothing_but_the_open_routes_answers(sold: World) -> None:
    for service in SERVICES:
        for route in routes_of(service):
            path = re.sub(r"\{\w+\}", "x", route.path)
            reply = await sold.call(service.name, route.method, path)
            expected = 200 if route.scope == PUBLIC else 401
            assert reply.status == expected, (route.path, reply.body)


async def test_the_feed_holds_what_its_reader_may_see_and_nothing_else(sold: World) -> None:
    url = "/v1/events/stream?from=start"
    headers = {"Authorization": f"Bearer {sold.keys['google']}"}
    text = b""
    async with sold.clients["contracts"].get(url, headers=headers) as response:
        async with asyncio.timeout(10):
            async for line in response.content:
                text += line
                if MARKS["google"].encode() in text and b"UsageReported" in text:
                    break
    assert MARKS["meta"].encode() not in text
    assert b"meta" not in text


async def test_no_log_line_holds_what_was_sent(sold: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await sold.call("contracts", "GET", f"/v1/contracts/spacex/{MARKS['google']}/terms", as_="google")
        await sold.call("contracts", "POST", "/v1/asks", as_="google", body={"ask": MARKS["google"]})
    assert MARKS["google"] not in caplog.text


def _query(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={text}" for name, text in fields.items())


def _command_fields(command: type[Any], rival: str) -> dict[str, Any]:
    from infra.codec import encode  # noqa: PLC0415
    from tests.unit.schemas.examples import example  # noqa: PLC0415

    found: dict[str, Any] = json.loads(encode(example(command, full=False)))
    found.pop("type")
    found.pop("contract")
    if "terms" in found:
        found["terms"] |= {"supplier": "spacex", "customer": rival}
    return found
