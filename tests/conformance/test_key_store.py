"""What every key store and every audit does, in memory and in the ledger's database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from infra.access import AuditLog, Entry, KeyStore, TooManyKeysError
from infra.access.memory import MemoryAuditLog, MemoryKeyStore
from infra.access.postgres import PostgresAuditLog, PostgresKeyStore
from infra.auth import Credential
from infra.local.postgres import Postgres
from infra.migrations import writer_role
from tests.ledgers import fresh_ledger

NOW = datetime(2026, 6, 8, tzinfo=UTC)
Stores = tuple[KeyStore, AuditLog]


@pytest.fixture
async def stores(server: Postgres | None) -> AsyncIterator[Stores]:
    if server is None:
        yield MemoryKeyStore(), MemoryAuditLog()
        return
    async with fresh_ledger(server.dsn) as ledger, ledger.database(writer_role("contracts")) as database:
        yield PostgresKeyStore(database), PostgresAuditLog(database)


def credential(id_: str, tenant: str = "spacex", label: str = "", minutes: int = 0) -> Credential:
    return Credential(
        id=id_,
        tenant=tenant,
        scopes=("contracts:read", "contracts:write"),
        digest=bytes(range(32)),
        label=label,
        created_at=NOW + timedelta(minutes=minutes),
        created_by="first",
    )


async def test_what_was_added_comes_back_whole(stores: Stores) -> None:
    keys, _ = stores
    await keys.add(credential("a"))
    assert await keys.get("a") == credential("a")
    assert await keys.get("b") is None


async def test_two_keys_of_one_label_may_be_live_and_a_third_may_not(stores: Stores) -> None:
    keys, _ = stores
    await keys.add(credential("a"))
    await keys.add(credential("b"))
    with pytest.raises(TooManyKeysError):
        await keys.add(credential("c"))
    await keys.add(credential("d", label="other"))
    await keys.add(credential("e", tenant="google"))
    await keys.revoke("a", NOW)
    await keys.add(credential("c"))
    assert await keys.get("c") is not None


async def test_of_many_added_at_once_two_are_kept(stores: Stores) -> None:
    keys, _ = stores
    results = await asyncio.gather(
        *(keys.add(credential(f"k{number}")) for number in range(6)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 2
    assert sum(isinstance(result, TooManyKeysError) for result in results) == 4
    assert len(await keys.of("spacex")) == 2


async def test_a_revocation_keeps_its_first_instant(stores: Stores) -> None:
    keys, _ = stores
    await keys.add(credential("a"))
    first = await keys.revoke("a", NOW)
    again = await keys.revoke("a", NOW + timedelta(hours=1))
    assert first == again == msgspec.structs.replace(credential("a"), revoked_at=NOW)
    assert await keys.revoke("b", NOW) is None


async def test_keys_are_listed_by_tenant_label_and_time(stores: Stores) -> None:
    keys, _ = stores
    for one in (
        credential("d", "spacex", minutes=1),
        credential("c", "spacex"),
        credential("b", "google", "z"),
        credential("a", "google", "A"),
    ):
        await keys.add(one)
    assert [one.id for one in await keys.of(None)] == ["a", "b", "c", "d"]
    assert [one.id for one in await keys.of("spacex")] == ["c", "d"]
    assert await keys.of("nobody") == []


async def test_an_audit_is_read_in_order_and_by_tenant(stores: Stores) -> None:
    _, audit = stores
    entries = [
        Entry(at=NOW, actor=actor, credential=None, action=f"did-{n}", details={"tenant": about, "times": n})
        for n, (actor, about) in enumerate([("ops", "spacex"), ("google", "google"), ("spacex", "spacex")])
    ]
    await audit.add(entries[:2])
    await audit.add(entries[2:])
    whole = await audit.read(None, 0, 100)
    assert [entry.action for entry in whole] == ["did-0", "did-1", "did-2"]
    assert [entry.number for entry in whole] == sorted(entry.number for entry in whole)
    assert whole[0].details == {"tenant": "spacex", "times": 0}
    assert [entry.action for entry in await audit.read("spacex", 0, 100)] == ["did-0", "did-2"]
    assert [entry.action for entry in await audit.read("spacex", whole[0].number, 100)] == ["did-2"]
    assert len(await audit.read(None, 0, 1)) == 1
