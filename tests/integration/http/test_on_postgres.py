"""HTTP on the real store: the same receipts, bases and feeds, behind row security."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestClient, TestServer

from infra.access.keys import Access
from infra.access.postgres import PostgresAuditLog, PostgresKeyStore
from infra.auth import TENANT_SCOPES
from infra.event_store.postgres import PostgresEventStore
from infra.event_store.postgres.party import PartyReader
from infra.http.application import app
from infra.http.site import Desk
from infra.migrations import READER, writer_role
from infra.node import Ledger, Node
from infra.parties import PartyEvents
from infra.read_store.postgres import PostgresReadStore
from infra.service import Service
from infra.tokens import Sealer
from services.contracts.__main__ import SERVICE
from tests.ledgers import PLAN, LedgerDatabase
from tests.support.http_deals import terms
from tests.support.http_world import PEPPER, SEALING, Client, World

pytestmark = pytest.mark.stack


class OnPostgres(World):
    """One service over HTTP on a ledger in PostgreSQL."""

    def __init__(self, access: Access, client: Client) -> None:
        self.access, self.clients, self.keys = access, {"contracts": client}, {}


@pytest.fixture
async def served(live_ledger: LedgerDatabase) -> AsyncIterator[OnPostgres]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(live_ledger.database(writer_role("contracts")))
        reader = await stack.enter_async_context(live_ledger.database(READER))
        store = PostgresEventStore(
            dict.fromkeys(PLAN.logs, database), PLAN.services["contracts"], PLAN.shards
        )
        ledger = Ledger(name=live_ledger.name, mode="live", shards=PLAN.shards)
        service: Service = SERVICE
        reads = PostgresReadStore(database, "contracts_read")
        node = Node(service, ledger, store, reads, lambda: datetime.now(UTC))
        access = Access(
            live_ledger.name,
            PostgresKeyStore(database),
            PostgresAuditLog(database),
            PEPPER,
            now=lambda: datetime.now(UTC),
            seconds=asyncio.get_running_loop().time,
        )
        desk = Desk(node=node, access=access, events=PartyEvents(store, PartyReader(reader)))
        application = app(service, {live_ledger.name: desk}, Sealer({"k1": SEALING}, "k1"))
        client: Client = TestClient(TestServer(application))
        await client.start_server()
        stack.push_async_callback(client.close)
        yield OnPostgres(access, client)


async def test_a_retry_brings_the_first_receipt_to_the_byte(served: OnPostgres) -> None:
    path = "/v1/contracts/spacex/for-google/sign"
    body, headers = {"terms": terms("spacex", "google")}, {"Idempotency-Key": "one"}
    first = await served.call("contracts", "POST", path, as_="spacex", body=body, headers=headers)
    again = await served.call("contracts", "POST", path, as_="spacex", body=body, headers=headers)
    assert (first.json["outcome"], again.json["outcome"]) == ("accepted", "duplicate"), first.json
    assert first.json["receipt"] == again.json["receipt"]
    assert first.json["receipt"]["chain"] is not None


async def test_many_at_once_are_each_answered_and_all_in_the_history(served: OnPostgres) -> None:
    await served.key("spacex")

    async def sign(number: int) -> str:
        path = f"/v1/contracts/spacex/c-{number}/sign"
        reply = await served.call(
            "contracts", "POST", path, as_="spacex", body={"terms": terms("spacex", "google")}
        )
        return str(reply.json["receipt"]["events"][0]["event_id"])

    ids = await asyncio.gather(*(sign(number) for number in range(50)))
    history = await served.call("contracts", "GET", "/v1/history?limit=1000", as_="google")
    assert {event["id"] for event in history.json["events"]} == set(ids)
    found = await served.call("contracts", "GET", f"/v1/events/{ids[7]}", as_="google")
    assert found.json["event"]["id"] == ids[7]
    rival = await served.call("contracts", "GET", "/v1/history", as_="meta")
    assert rival.json["events"] == []
    assert (await served.call("contracts", "GET", f"/v1/events/{ids[7]}", as_="meta")).status == 404


async def test_the_same_basis_gives_the_same_bytes_after_more_was_recorded(served: OnPostgres) -> None:
    sign = {"contract": "a", "terms": terms("spacex", "google")}
    await served.command("contracts", "spacex", "contracts.SignContract.v1", sign)
    book = {"tenant": "spacex", "seen_by": "supplier"}
    first = await served.ask("contracts.exposure", "spacex", book)
    await served.command("contracts", "spacex", "contracts.SignContract.v1", {**sign, "contract": "b"})
    again = await served.ask("contracts.exposure", "spacex", book, known_at=first.json["basis"])
    assert again.body == first.body
    recorded = (await served.call("contracts", "GET", "/v1/history", as_="spacex")).json["events"]
    at = recorded[0]["recordedtime"]
    valid_at = first.json["valid_at"]
    then = await served.ask("contracts.exposure", "spacex", book, known_at=at, valid_at=valid_at)
    assert then.json["answer"]["contracts"] == first.json["answer"]["contracts"]


async def test_a_key_that_was_made_here_is_kept_hashed_and_audited(served: OnPostgres) -> None:
    await served.key("spacex", TENANT_SCOPES)
    made = await served.call("contracts", "POST", "/v1/keys", as_="spacex", body={"label": "ci"})
    assert made.status == 201
    entries = (await served.call("contracts", "GET", "/v1/audit", as_="spacex")).json["entries"]
    assert [entry["action"] for entry in entries] == ["key.created", "key.created"]
    assert (await served.call("contracts", "GET", "/health/ready")).status == 200
