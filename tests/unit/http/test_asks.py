import asyncio
from datetime import timedelta
from typing import Any

import msgspec

from infra.tokens import Basis, Sealer, cut_of
from tests.support.http_deals import sell, terms
from tests.support.http_world import CLOCK, SEALING, World

EXPOSURE = "/v1/contracts/spacex/for-google/exposure"
MORE = {"contract": "another", "terms": terms("spacex", "meta")}


async def test_a_question_has_a_url_and_the_general_form_answers_alike(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    by_url = await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier", as_="spacex")
    with_ = {"contract": "for-google", "seen_by": "supplier"}
    by_name = await world.ask("contracts.exposure", "spacex", with_)
    assert by_url.status == 200
    assert by_url.json["answer"]["headline"] == "30360000000.00"
    assert by_url.json["answer"] == by_name.json["answer"]


async def test_a_question_without_an_optional_object_has_a_url_too(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    path = "/v1/contracts/exposure?tenant=spacex&seen_by=supplier"
    reply = await world.call("contracts", "GET", path, as_="spacex")
    assert [one["contract"] for one in reply.json["answer"]["contracts"]] == ["spacex/for-google"]


async def test_the_same_basis_gives_the_same_bytes_whatever_happened_since(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    first = await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier", as_="spacex")
    change: dict[str, Any] = {
        "contract": "for-google",
        "effective_at": "2026-12-01T00:00:00Z",
        "changes": {"charges": []},
        "reason": "less",
    }
    amended = await world.command("contracts", "spacex", "contracts.AmendContract.v1", change)
    assert amended["outcome"] == "accepted"
    await world.system.advance(CLOCK + timedelta(days=200))
    again = f"{EXPOSURE}?seen_by=supplier&known_at={first.json['basis']}"
    assert (await world.call("contracts", "GET", again, as_="spacex")).body == first.body
    now = await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier", as_="spacex")
    assert now.json["answer"] != first.json["answer"]


async def test_what_happens_elsewhere_does_not_change_the_bytes_of_an_answer(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    first = await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier", as_="spacex")
    other = {"contract": "theirs", "terms": terms("nebius", "meta")}
    await world.command("contracts", "nebius", "contracts.SignContract.v1", other)
    again = await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier", as_="spacex")
    assert again.body == first.body


async def test_a_basis_serves_another_question_another_instant_and_another_actor(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    mark = (await world.call("contracts", "GET", "/v1/basis", as_="spacex")).json["basis"]
    await world.command("contracts", "spacex", "contracts.SignContract.v1", MORE)
    book = {"tenant": "spacex", "seen_by": "supplier"}
    then = await world.ask("contracts.exposure", "spacex", book, known_at=mark)
    now = await world.ask("contracts.exposure", "spacex", book)
    assert len(then.json["answer"]["contracts"]) == 1
    assert len(now.json["answer"]["contracts"]) == 2
    at = "2027-10-01T00:00:00Z"
    theirs = await world.ask(
        "contracts.status", "google", {"contract": "spacex/for-google"}, known_at=mark, valid_at=at
    )
    assert (theirs.status, theirs.json["answer"]["status"]) == (200, "active")
    unknown = await world.ask("contracts.status", "meta", {"contract": "spacex/for-google"}, known_at=mark)
    assert (unknown.status, unknown.code) == (404, "contract_unknown")


async def test_a_basis_of_an_earlier_version_of_the_rule_is_outdated(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    reply = await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier", as_="spacex")
    sealer = Sealer({"k1": SEALING}, "k1")
    basis: Basis = sealer.open("basis", "memory", reply.json["basis"]).mark
    older = sealer.seal("basis", "memory", msgspec.structs.replace(basis, version=basis.version + 1))
    again = await world.call(
        "contracts", "GET", f"{EXPOSURE}?seen_by=supplier&known_at={older}", as_="spacex"
    )
    assert (again.status, again.code) == (409, "basis_outdated")


async def test_a_past_instant_tells_what_was_known_then(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    await world.system.advance(CLOCK + timedelta(days=10))
    await world.command("contracts", "spacex", "contracts.SignContract.v1", MORE)
    await world.system.rest()
    book = {"tenant": "spacex", "seen_by": "supplier"}
    then = await world.ask("contracts.exposure", "spacex", book, known_at="2026-06-09T00:00:00.5+02:00")
    assert len(then.json["answer"]["contracts"]) == 1
    later = await world.ask("contracts.exposure", "spacex", book, known_at="2099-01-01T00:00:00Z")
    assert (later.status, later.code) == (422, "known_at_in_future")


async def test_a_plain_day_is_its_midnight_in_utc(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    await world.system.advance(CLOCK + timedelta(days=2))
    for field in ("valid_at", "known_at"):
        day, midnight = [
            await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier&{field}={text}", as_="spacex")
            for text in ("2026-06-09", "2026-06-09T00:00:00Z")
        ]
        assert (day.status, day.body) == (200, midnight.body)
    reply = await world.call("contracts", "GET", f"{EXPOSURE}?valid_at=2026-02-30", as_="spacex")
    (fault,) = [one for one in reply.json["errors"] if one["pointer"] == "/valid_at"]
    assert "2026-05-01" in fault["expected"]


async def test_ones_own_write_shows_in_another_service_once_it_is_there(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    data = {"contract": "late", "terms": terms("spacex", "google")}
    signed = await world.command("contracts", "spacex", "contracts.SignContract.v1", data)
    token = signed["receipt"]["token"]
    window = {"tenant": "spacex", "from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
    early = await world.ask("capacity.timeline", "spacex", {**_pool(window)}, after=token)
    assert (early.status, early.code, early.json["retryable"]) == (409, "not_yet_visible", True)

    async def ask() -> int:
        body = {"ask": "capacity.timeline", "with": _pool(window), "after": token}
        reply = await world.call(
            "capacity",
            "POST",
            "/v1/asks",
            as_="spacex",
            body=body,
            headers={"Prefer": "respond-async, wait=5"},
        )
        committed = reply.json["answer"]["committed"]["firm"]
        return sum(step["quantity"] for step in committed)

    waiting = asyncio.create_task(ask())
    await asyncio.sleep(0)
    await world.system.rest()
    assert await waiting == 2000


async def test_the_basis_of_an_unknown_tenant_looks_like_that_of_a_known_one(world: World) -> None:
    await sell(world, "spacex", {"google": "x", "meta": "y"})
    window = {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
    known = await world.ask("capacity.allocations", "google", {"tenant": "meta", **window})
    unknown = await world.ask("capacity.allocations", "google", {"tenant": "nobody", **window})
    assert known.json["answer"] == unknown.json["answer"]
    assert len(known.json["basis"]) == len(unknown.json["basis"])


async def test_operations_can_open_a_basis_and_tenants_cannot(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    reply = await world.call("contracts", "GET", f"{EXPOSURE}?seen_by=supplier", as_="spacex")
    body = {"basis": reply.json["basis"]}
    await world.operations()
    told = await world.call("contracts", "POST", "/v1/basis/open", as_="operations", body=body)
    assert told.json["ask"] == "contracts.exposure"
    assert sum(told.json["positions"]["contracts"].values()) > 0
    refused = await world.call("contracts", "POST", "/v1/basis/open", as_="spacex", body=body)
    assert (refused.status, refused.code) == (403, "scope_missing")


async def test_what_is_wrong_with_a_question_is_told_whole(world: World) -> None:
    path = "/v1/contracts/spacex/A%20b/exposure?seen_by=nobody&valid_at=2026-01-01T00:00:00Z&more=1"
    reply = await world.call("contracts", "GET", path, as_="spacex")
    assert {fault["pointer"] for fault in reply.json["errors"]} == {"/contract", "/seen_by", "/more"}
    reply = await world.ask("contracts.exposure", "spacex", {"contract": 5}, valid_at="yesterday", known_at=7)
    assert reply.status == 422
    reply = await world.ask("contracts.nothing", "spacex", {})
    assert (reply.status, reply.code) == (422, "type_unknown")
    reply = await world.call(
        "contracts", "POST", "/v1/asks", as_="spacex", body={"ask": "settlement.balance"}
    )
    assert "settlement" in reply.json["errors"][0]["detail"]


async def test_a_token_of_another_kind_or_ledger_or_a_broken_one_does_not_hold(world: World) -> None:
    await sell(world, "spacex", {"google": "x"})
    sealer = Sealer({"k1": SEALING}, "k1")
    foreign = sealer.seal("basis", "elsewhere", Basis(None, 0, None, ()))
    receipt = sealer.seal("receipt", "memory", Basis(None, 0, None, ()))
    own = (await world.call("contracts", "GET", "/v1/basis", as_="spacex")).json["basis"]
    broken = own[:-3] + ("AAA" if own[-3:] != "AAA" else "BBB")
    for token in (foreign, receipt, broken, own + "x", "bas_k9_" + own[7:], "bas_k1_!"):
        reply = await world.call(
            "contracts", "GET", f"{EXPOSURE}?seen_by=supplier&known_at={token}", as_="spacex"
        )
        assert reply.status == 422, token
        assert reply.code in {"token_invalid", "invalid"}


def test_a_rotated_key_opens_what_the_old_one_sealed_and_repeats_its_bytes() -> None:
    old = Sealer({"k1": SEALING}, "k1")
    new = Sealer({"k2": bytes(64), "k1": SEALING}, "k2")
    mark = Basis("contracts.terms", 1, CLOCK, (("contracts", ((0, 5), (3, 1))),))
    token = old.seal("basis", "memory", mark)
    opened = new.open("basis", "memory", token)
    assert opened.mark == mark
    assert cut_of(opened.mark.positions).position("contracts", 3) == 1
    assert new.seal("basis", "memory", mark, opened.key) == token
    assert new.seal("basis", "memory", mark) != token


def _pool(window: dict[str, str]) -> dict[str, str]:
    return {"pool": "memphis", "from": window["from"], "to": window["to"]}
