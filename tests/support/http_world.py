"""All services over HTTP in one process, on memory adapters and a clock that stands still."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cli.composition import SERVICES
from infra.access.keys import Access
from infra.access.memory import MemoryAuditLog, MemoryKeyStore
from infra.auth import SCOPES, TENANT_SCOPES
from infra.http.application import app
from infra.http.site import Desk, Limits
from infra.parties import PartyEvents
from infra.service import Service
from infra.system import System
from infra.tokens import Sealer

CLOCK = datetime(2026, 6, 8, tzinfo=UTC)
PEPPER = os.urandom(32)
SEALING = os.urandom(64)
Client = TestClient[web.Request, web.Application]


def memory_access(ledger: str) -> Access:
    """The keys of a ledger, in memory, with the machine's clock."""
    store, audit = MemoryKeyStore(), MemoryAuditLog()
    return Access(ledger, store, audit, PEPPER, now=lambda: datetime.now(UTC), seconds=time.monotonic)


def desk(system: System, access: Access, service: Service) -> Desk:
    """One service of a system, and its keys."""
    node = system.parts[service.name].node
    node.ledger = msgspec.structs.replace(node.ledger, name=access.ledger)
    return Desk(node=node, access=access, events=PartyEvents(system.store))


class Reply:
    """What came back: status, headers, the JSON of the body, and its bytes."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        found: str | None = self.json.get("code")
        return found


class World:
    """A system, one client for each service, and a key for each tenant."""

    def __init__(self, system: System, access: Access, clients: Mapping[str, Client]) -> None:
        self.system, self.access, self.clients = system, access, clients
        self.keys: dict[str, str] = {}

    @classmethod
    async def open(
        cls, services: Sequence[Service] = SERVICES, limits: Limits | None = None, now: datetime = CLOCK
    ) -> "World":
        system = await System.open(services, now)
        access = memory_access("memory")
        clients: dict[str, Client] = {}
        for service in services:
            desks = {"memory": desk(system, access, service)}
            application = app(service, desks, Sealer({"k1": SEALING}, "k1"), limits=limits)
            server = TestServer(application)
            await server.start_server(access_log=None)  # as the live listener has it
            clients[service.name] = TestClient(server)
        return cls(system, access, clients)

    def desks(self, service: Service) -> dict[str, Desk]:
        return {"memory": desk(self.system, self.access, service)}

    async def close(self) -> None:
        for client in self.clients.values():
            await client.close()

    async def key(self, tenant: str, scopes: Sequence[str] = TENANT_SCOPES) -> str:
        if tenant not in self.keys:
            _, key = await self.access.create(tenant, scopes, "", None)
            self.keys[tenant] = str(key)
        return self.keys[tenant]

    async def operations(self) -> str:
        return await self.key("operations", tuple(SCOPES))

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        as_: str | None = None,
        body: Any = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = {} if as_ is None else {"Authorization": f"Bearer {await self.key(as_)}"}
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        sent |= dict(headers or {})
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        async with self.clients[service].request(method, path, data=data, headers=sent) as response:
            return Reply(response.status, response.headers, await response.read())

    async def command(self, service: str, as_: str, type_: str, data: Any, **envelope: Any) -> Any:
        item = {"type": type_, "data": data, **envelope}
        reply = await self.call(service, "POST", "/v1/commands", as_=as_, body=[item])
        assert reply.status == 200, reply.body
        (result,) = reply.json["results"]
        return result

    async def ask(self, name: str, as_: str, with_: Any, **when: Any) -> Reply:
        body = {"ask": name, "with": with_, **when}
        return await self.call(name.partition(".")[0], "POST", "/v1/asks", as_=as_, body=body)
