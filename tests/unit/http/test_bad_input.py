"""Every trap, truncated, doubled, mutated: a 4xx that says why, nothing written, the next one served."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.http_deals import terms
from tests.support.http_world import Reply, World

SIGN = "/v1/contracts/spacex/for-google/sign"
GOOD = json.dumps({"terms": terms("spacex", "google")}).encode()
TRAPS: dict[str, bytes] = {
    "empty": b"",
    "not utf-8": b'{"terms": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "cut off": GOOD[:-5],
    "two documents": GOOD + GOOD,
    "trailing comma": GOOD[:-1] + b",}",
    "nan": b'{"terms": NaN}',
    "infinity": b'{"terms": -Infinity}',
    "huge float": b'{"terms": 1e1000000}',
    "huge integer": b'{"terms": ' + b"9" * 100_000 + b"}",
    "float": b'{"terms": 1.0}',
    "duplicate key": b'{"terms": 1, "terms": 2}',
    "nul": b'{"terms": "\\u0000"}',
    "raw nul": b'{"terms": "\x00"}',
    "half a character": b'{"terms": "\\ud800"}',
    "half a key": b'{"\\udc00": 1}',
    "nested lists": b'{"terms": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "nested objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "very deep": b"[" * 200_000,
    "null": b"null",
    "a list": b"[]",
    "text": b'"terms"',
    "a number": b"7",
    "single quotes": b"{'terms': 1}",
    "comment": b"{} // no",
    "unknown field": b'{"terms": {}, "more": 1}',
    "tag in the body": b'{"type": "contracts.SignContract.v1", "terms": {}}',
    "prototype": b'{"__proto__": {}, "constructor": {}}',
    "wrong types": json.dumps(
        {"terms": {"supplier": 1, "customer": None, "term": [], "currency": True}}
    ).encode(),
}


def _mutants(count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(GOOD)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randint(1, 40)]
                case 2:
                    data[at:at] = data[at : at + chance.randint(1, 40)]
                case _:
                    data[at:at] = chance.choice([b'"', b"{", b"]", b"null", b"1e9", b"\\u0000", b"-"])
        yield bytes(data)


async def _nothing_written(world: World) -> bool:
    heads = [await world.system.store.heads(log) for log in ("contracts", "capacity", "usage", "settlement")]
    return all(head.position == 0 for shards in heads for head in shards.values())


def _is_a_clear_refusal(reply: Reply) -> None:
    assert 400 <= reply.status < 500, (reply.status, reply.body)
    assert reply.headers["Content-Type"] == "application/problem+json"
    told = reply.json
    assert {"type", "title", "status", "detail", "code", "request_id", "errors", "retryable"} <= set(told)
    assert told["status"] == reply.status
    if reply.status in {400, 422}:
        assert told["errors"], told
        assert all({"pointer", "code", "detail"} <= set(fault) for fault in told["errors"])


@pytest.mark.parametrize("name", TRAPS)
async def test_a_trap_is_refused_with_its_reason_wherever_it_is_sent(world: World, name: str) -> None:
    for service, path, media in (
        ("contracts", SIGN, "application/json"),
        ("contracts", "/v1/commands", "application/json"),
        ("contracts", "/v1/asks", "application/json"),
        ("contracts", "/v1/events", "application/cloudevents+json"),
        ("contracts", "/v1/events", "application/cloudevents-batch+json"),
        ("contracts", "/v1/keys", "application/json"),
    ):
        headers = {"Content-Type": media}
        reply = await world.call(service, "POST", path, as_="spacex", raw=TRAPS[name], headers=headers)
        if reply.status == 200:
            results = reply.json["results"]
            assert all(result["outcome"] == "rejected" for result in results), (path, results)
        else:
            _is_a_clear_refusal(reply)
    assert await _nothing_written(world)
    assert (await world.call("contracts", "GET", "/health/live")).status == 200


async def test_mutated_messages_are_refused_or_taken_and_never_a_fault_of_ours(
    world: World,
) -> None:
    for number, mutant in enumerate(_mutants(300, seed=20260608)):
        path = f"/v1/contracts/spacex/mutant-{number}/sign?dry_run=true"
        reply = await world.call("contracts", "POST", path, as_="spacex", raw=mutant)
        if reply.status not in {200, 409}:
            _is_a_clear_refusal(reply)
    assert await _nothing_written(world)


async def test_every_fault_of_a_message_is_named_with_its_place(world: World) -> None:
    bad: dict[str, Any] = terms("spacex", "google")
    bad["term"]["start"] = "2026-10-01"
    bad["currency"] = "usd"
    bad["lines"][0]["quantity"][0]["quantity"] = -1
    bad["charges"].append({"kind": "surprise", "charge": "x"})
    bad["charges"][0]["steps"][0]["amount"] = 920
    bad["billing"] = {"zone": "UTC", "surplus": True}
    reply = await world.call("contracts", "POST", SIGN, as_="spacex", body={"terms": bad})
    assert (reply.status, reply.code) == (422, "invalid")
    found = {fault["pointer"]: fault["code"] for fault in reply.json["errors"]}
    assert found == {
        "/terms/term/start": "format",
        "/terms/currency": "pattern",
        "/terms/lines/0/quantity/0/quantity": "range",
        "/terms/charges/1/kind": "choice",
        "/terms/charges/0/steps/0/amount": "quote_it",
        "/terms/billing/surplus": "unknown_field",
    }


@pytest.mark.parametrize(
    "text",
    ["1e5", "1_000", "١٢", "0x10", "1.", ".5", "+1", " 1", "1\n", "NaN", "1" * 30, "1.00000", "--1", ""],
)
async def test_an_amount_is_one_kind_of_text_and_no_other(world: World, text: str) -> None:
    bad = terms("spacex", "google")
    bad["charges"][0]["steps"][0]["amount"] = text
    reply = await world.call("contracts", "POST", SIGN, as_="spacex", body={"terms": bad})
    assert reply.status == 422, text
    assert await _nothing_written(world)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01T00:00:00",
        "2026-10-01",
        "2026-02-30T00:00:00Z",
        "2026-10-01T00:00:00.5Z",
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-10-01T24:00:00Z",
        "2026-10-01T00:00:60Z",
        "2026-10-01T00:00:00+25:00",
        "2026-10-01 00:00:00Z",
        "20261001T000000Z",
        "2026-10-01T00:00:00Z\n",
        "1790812800",
    ],
)
async def test_an_instant_is_rfc_3339_with_offset_and_whole_seconds(world: World, text: str) -> None:
    bad = terms("spacex", "google")
    bad["term"]["end"] = text
    reply = await world.call("contracts", "POST", SIGN, as_="spacex", body={"terms": bad})
    assert reply.status == 422, text
    at = {"effective_at": text}
    item = {"type": "contracts.AcceptContract.v1", "data": {"contract": "spacex/a"}, **at}
    reply = await world.call("contracts", "POST", "/v1/commands", as_="google", body=[item])
    (result,) = reply.json["results"]
    assert result["problem"]["errors"][0]["pointer"] == "/0/effective_at", result


@pytest.mark.parametrize("id_", ["", " ", "a b", "ü", "x" * 256, "a\tb"])
async def test_a_command_id_is_visible_ascii(world: World, id_: str) -> None:
    item = {"id": id_, "type": "contracts.AcceptContract.v1", "data": {"contract": "spacex/a"}}
    reply = await world.call("contracts", "POST", "/v1/commands", as_="google", body=[item])
    assert reply.json["results"][0]["problem"]["code"] == "invalid"


async def test_what_is_no_route_or_no_method_or_no_media_type_is_a_problem_document_too(world: World) -> None:
    cases = [
        ("GET", "/nowhere", None, 404),
        ("GET", "/v1/contracts/a/b/c/d/e", None, 404),
        ("DELETE", "/v1/asks", None, 405),
        ("PUT", SIGN, None, 405),
        ("POST", SIGN, "text/plain", 415),
        ("POST", SIGN, "application/xml", 415),
        ("POST", "/v1/events", "text/csv", 415),
        ("POST", "/v1/commands", "application/jsonl", 415),
    ]
    for method, path, media, status in cases:
        headers = {} if media is None else {"Content-Type": media}
        raw = None if media is None else GOOD
        reply = await world.call("contracts", method, path, as_="spacex", raw=raw, headers=headers)
        assert reply.status == status, (method, path, reply.body)
        assert reply.headers["Content-Type"] == "application/problem+json"
    assert (await world.call("contracts", "DELETE", "/v1/asks")).headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "name",
    ["spacex/A", "spacex/" + "x" * 64, "a/b/c", "../etc", "spacex/%00", "spacex/%F0%9F%98%80", "%2e%2e/x"],
)
async def test_a_path_with_no_name_in_it_is_refused(world: World, name: str) -> None:
    reply = await world.call("contracts", "POST", f"/v1/contracts/{name}/sign", as_="spacex", raw=GOOD)
    assert reply.status in {404, 405, 422}
    reply = await world.call("contracts", "GET", f"/v1/contracts/{name}/terms", as_="spacex")
    assert reply.status in {404, 422}
    assert await _nothing_written(world)
