from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.access.keys import BELIEVED_SECONDS, Access, bootstrap
from infra.access.memory import MemoryAuditLog, MemoryKeyStore
from infra.auth import SCOPES, Key, MalformedKeyError, new_key, parse
from tests.support.http_world import PEPPER, World


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 8, tzinfo=UTC)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def seconds(self) -> float:
        return self.now.timestamp()

    def access(self, store: MemoryKeyStore, audit: MemoryAuditLog) -> Access:
        return Access("main", store, audit, PEPPER, now=lambda: self.now, seconds=self.seconds)


def test_a_key_reads_back_as_it_was_written_and_hides_its_secret_in_logs() -> None:
    key = new_key("my-ledger")
    assert parse(str(key)) == key
    assert str(key).startswith("clk_my-ledger_")
    assert key.secret not in repr(key)


@pytest.mark.parametrize("change", ["", "x", "drop", "swap", "space", "upper"])
def test_a_slip_in_a_key_is_seen_without_asking_anybody(change: str) -> None:
    text = str(new_key("main"))
    other = {
        "": "",
        "x": text + "x",
        "drop": text[:-1],
        "swap": text[:40] + ("a" if text[40] != "a" else "b") + text[41:],
        "space": text + "\n",
        "upper": text.upper(),
    }[change]
    with pytest.raises(MalformedKeyError):
        parse(other)


async def test_a_key_holds_only_with_its_own_secret_and_pepper() -> None:
    watch, store, audit = Watch(), MemoryKeyStore(), MemoryAuditLog()
    access = watch.access(store, audit)
    credential, key = await access.create("spacex", ["contracts:read"], "", None)
    assert await access.authenticate(key) == credential
    assert await access.authenticate(Key("main", key.id, "a" * 52)) is None
    assert await access.authenticate(Key("other", key.id, key.secret)) is None
    seasoned = Access("main", store, audit, b"x" * 32, now=lambda: watch.now, seconds=lambda: 0.0)
    assert await seasoned.authenticate(key) is None
    assert key.secret.encode() not in credential.digest


async def test_a_revocation_holds_everywhere_within_thirty_seconds() -> None:
    watch, store, audit = Watch(), MemoryKeyStore(), MemoryAuditLog()
    here, elsewhere = watch.access(store, audit), watch.access(store, audit)
    credential, key = await here.create("spacex", ["contracts:read"], "", None)
    assert await elsewhere.authenticate(key) is not None
    await here.revoke(credential.id, credential)
    assert await here.authenticate(key) is None
    watch.pass_by(BELIEVED_SECONDS)
    assert await elsewhere.authenticate(key) is None
    assert BELIEVED_SECONDS < 30


async def test_the_first_key_of_a_ledger_is_made_once() -> None:
    access = Watch().access(MemoryKeyStore(), MemoryAuditLog())
    key = await bootstrap(access)
    assert key is not None
    credential = await access.authenticate(key)
    assert credential is not None
    assert set(credential.scopes) == set(SCOPES)
    assert await bootstrap(access) is None


async def test_refused_access_is_audited_as_one_sum_a_minute() -> None:
    watch, store, audit = Watch(), MemoryKeyStore(), MemoryAuditLog()
    access = watch.access(store, audit)
    _, key = await access.create("spacex", ["contracts:read"], "", None)
    for _ in range(500):
        await access.authenticate(Key("main", key.id, "a" * 52))
        await access.authenticate(Key("main", "b" * 16, "a" * 52))
    await access.flush()
    assert len(await audit.read(None, 0, 100)) == 1
    watch.pass_by(60)
    await access.flush()
    refused = [entry for entry in await audit.read(None, 0, 100) if entry.action == "access.refused"]
    told = [(one.credential, one.details["reason"], one.details["times"]) for one in refused]
    assert sorted(told, key=str) == sorted([(None, "unknown", 500), (key.id, "wrong_secret", 500)], key=str)


async def test_a_key_is_rotated_with_two_live_and_no_third(world: World) -> None:
    await world.key("spacex")
    (old,) = (await world.call("contracts", "GET", "/v1/keys", as_="spacex")).json["keys"]
    made = await world.call("contracts", "POST", f"/v1/keys/{old['id']}/rotate", as_="spacex", body={})
    assert made.status == 201
    new = made.json["key"]
    assert new["scopes"] == old["scopes"]
    assert "digest" not in new
    third = await world.call("contracts", "POST", f"/v1/keys/{new['id']}/rotate", as_="spacex", body={})
    assert (third.status, third.code) == (409, "keys_already_two")
    assert (await world.call("contracts", "GET", "/v1/basis", as_="spacex")).status == 200
    world.keys["spacex"] = new["secret"]
    gone = await world.call("contracts", "POST", f"/v1/keys/{old['id']}/revoke", as_="spacex", body={})
    assert gone.json["key"]["revoked_at"] is not None
    again = await world.call("contracts", "POST", f"/v1/keys/{old['id']}/revoke", as_="spacex", body={})
    assert again.json["key"]["revoked_at"] == gone.json["key"]["revoked_at"]
    assert (await world.call("contracts", "GET", "/v1/basis", as_="spacex")).status == 200


async def test_a_tenant_makes_keys_for_itself_with_no_more_than_it_has(world: World) -> None:
    await world.key("spacex", ("keys:admin", "contracts:read"))
    own = await world.call("contracts", "POST", "/v1/keys", as_="spacex", body={"scopes": ["contracts:read"]})
    assert (own.status, own.json["key"]["tenant"]) == (201, "spacex")
    more = await world.call("contracts", "POST", "/v1/keys", as_="spacex", body={"scopes": ["ledger:read"]})
    assert (more.status, more.code) == (403, "scope_missing")
    theirs = await world.call("contracts", "POST", "/v1/keys", as_="spacex", body={"tenant": "google"})
    assert (theirs.status, theirs.code) == (403, "scope_missing")
    unknown = await world.call("contracts", "POST", "/v1/keys", as_="spacex", body={"scopes": ["fly"]})
    assert unknown.json["errors"][0]["pointer"] == "/scopes/0"


async def test_operations_make_tenants_and_see_the_whole_audit(world: World) -> None:
    await world.operations()
    made = await world.call("contracts", "POST", "/v1/tenants", as_="operations", body={"tenant": "spacex"})
    assert made.status == 201
    world.keys["spacex"] = made.json["key"]["secret"]
    again = await world.call("contracts", "POST", "/v1/tenants", as_="operations", body={"tenant": "spacex"})
    assert (again.status, again.code) == (409, "tenant_exists")
    tenants = await world.call("contracts", "GET", "/v1/tenants", as_="operations")
    assert [one["tenant"] for one in tenants.json["tenants"]] == ["operations", "spacex"]
    whole = await world.call("contracts", "GET", "/v1/audit", as_="operations")
    own = await world.call("contracts", "GET", "/v1/audit", as_="spacex")
    assert len(whole.json["entries"]) == 2
    assert [entry["details"]["tenant"] for entry in own.json["entries"]] == ["spacex"]
    secret = made.json["key"]["secret"]
    assert secret not in whole.body.decode()


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer clk_x", "clk_memory_a_b_c", "Bearer " + "x" * 5000],
)
async def test_no_credential_or_one_that_is_none_is_refused_alike(world: World, header: str) -> None:
    reply = await world.call("contracts", "GET", "/v1/basis", headers={"Authorization": header})
    assert reply.status == 401
    assert reply.code in {"credential_missing", "credential_invalid"}
    assert "WWW-Authenticate" in reply.headers


async def test_a_key_of_another_ledger_and_one_that_never_was_are_refused_alike(world: World) -> None:
    other, never = new_key("elsewhere"), new_key("memory")
    answers: list[Any] = []
    for key in (other, never):
        headers = {"Authorization": f"Bearer {key}"}
        reply = await world.call("contracts", "GET", "/v1/basis", headers=headers)
        answers.append((reply.status, {**reply.json, "request_id": ""}))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
