"""A whole stack over HTTP on memory adapters, in which sandboxes are made and dropped."""

from collections.abc import Mapping
from datetime import UTC, datetime

from cli.composition import SERVICES
from infra.access.keys import bootstrap
from infra.client import Client
from infra.event_store.memory import MemoryEventStore
from infra.http.application import app
from infra.http.deadlines import Listener
from infra.http.site import Desk, Limits, SandboxExistsError
from infra.system import System
from infra.tokens import Sealer
from tests.support.http_world import SEALING, desk, memory_access


class MemorySandboxes:
    """See `Sandboxes`: one system for each ledger."""

    def __init__(self, desks: Mapping[str, dict[str, Desk]]) -> None:
        self._desks = desks
        self.systems: dict[str, System] = {}

    async def create(self, name: str, clock: datetime, shards: int) -> None:
        if name in self.systems:
            raise SandboxExistsError(name)
        system = self.systems[name] = await System.open(SERVICES, clock, shards)
        access = memory_access(name)
        for service in SERVICES:
            self._desks[service.name][name] = desk(system, access, service)

    async def drop(self, name: str) -> None:
        self.systems.pop(name, None)
        for desks in self._desks.values():
            desks.pop(name, None)

    async def rest(self, name: str) -> None:
        await self.systems[name].rest()

    async def advance(self, name: str, to: datetime) -> None:
        await self.systems[name].advance(to)


class Stack:
    """Three services on ports of their own, with one ledger that counts as live, and its first key."""

    def __init__(self) -> None:
        self.desks: dict[str, dict[str, Desk]] = {service.name: {} for service in SERVICES}
        self.sandboxes = MemorySandboxes(self.desks)
        self.urls: dict[str, str] = {}
        self.key = ""
        self._listeners: list[Listener] = []

    async def open(self) -> "Stack":
        system = await System.open(SERVICES, datetime.now(UTC).replace(microsecond=0))
        assert isinstance(system.store, MemoryEventStore)
        access = memory_access("main")
        self.key = str(await bootstrap(access))
        for service in SERVICES:
            self.desks[service.name]["main"] = desk(system, access, service)
            application = app(
                service,
                self.desks[service.name],
                Sealer({"k1": SEALING}, "k1"),
                peers=self.urls,
                sandboxes=self.sandboxes,
            )
            listener = Listener(application, Limits())
            port = await listener.open("127.0.0.1", 0)
            self._listeners.append(listener)
            self.urls[service.name] = f"http://127.0.0.1:{port}"
        return self

    async def client(self) -> Client:
        """A client that knows one address and the first key."""
        return await Client.find(self.urls["capacity"], self.key)

    async def close(self) -> None:
        for listener in self._listeners:
            await listener.close(1.0)
