"""What the routes of one service stand on: its ledgers, the sealer of tokens, its limits."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import msgspec
from aiohttp import web

from infra.access.keys import Access
from infra.auth import Credential
from infra.http.pace import Pace
from infra.intake import Intake
from infra.node import Node
from infra.parties import PartyEvents
from infra.service import Service
from infra.tokens import Sealer

PUBLIC = "(public)"
EACH = "(each)"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one process. Bytes, seconds, counts."""

    body_bytes_max: int = 4 * 1024 * 1024
    line_bytes_max: int = 64 * 1024
    items_max: int = 1000
    header_seconds_max: float = 3.0
    body_seconds_max: float = 10.0
    idle_seconds_max: float = 75.0
    wait_seconds_max: float = 30.0
    in_flight_max: int = 2_000
    in_flight_bytes_max: int = 256 * 1024 * 1024
    requests_per_second: int = 2_000
    refusals_per_second: int = 20
    streams_per_tenant_max: int = 20
    page_max: int = 1000


class Sandboxes(Protocol):
    """Sandbox ledgers: made, moved and dropped by whoever runs the processes."""

    async def create(self, name: str, clock: datetime, shards: int) -> None:
        """Make a sandbox that all services serve.

        Raises:
            SandboxExistsError: there is a ledger of that name.
        """
        ...

    async def drop(self, name: str) -> None:
        """Drop a sandbox, its database and its topics; dropping none is harmless."""
        ...

    async def rest(self, name: str) -> None:
        """Return once nothing moves in any service.

        Raises:
            NotAtRestError: it does not come to rest.
        """
        ...

    async def advance(self, name: str, to: datetime) -> None:
        """Move the clock; what falls due on the way happens first, in order, and each comes to rest.

        Raises:
            NotAtRestError: it does not come to rest.
        """
        ...


class SandboxExistsError(Exception):
    """There is a ledger of that name."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """One service in one ledger, and who may use it."""

    node: Node
    access: Access
    events: PartyEvents


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One service in all the ledgers that this process serves.

    Attributes:
        service: the service.
        desks: by ledger name; may gain and lose sandboxes while it runs.
        sealer: of tokens.
        limits: the bounds.
        intake: what the service takes.
        pace: how much of its share each credential has used.
        peers: the addresses of all services, by name.
        sandboxes: None where sandboxes cannot be made.
        metrics: returns further metrics as Prometheus text.
    """

    service: Service
    desks: Mapping[str, Desk]
    sealer: Sealer
    limits: Limits
    intake: Intake
    pace: Pace
    peers: Mapping[str, str]
    sandboxes: Sandboxes | None
    metrics: Callable[[], str]


class Caller(msgspec.Struct, frozen=True):
    """Who asks: the credential, at the desk of its ledger."""

    desk: Desk
    credential: Credential

    @property
    def actor(self) -> str:
        """The tenant of the credential: never what a body says."""
        return self.credential.tenant

    @property
    def ledger(self) -> str:
        """The name of the ledger."""
        return self.desk.node.ledger.name

    def sees_positions(self) -> bool:
        """Whether it works for operations: positions are for the scopes `ledger:*` alone."""
        return any(scope.startswith("ledger:") for scope in self.credential.scopes)


Handler: TypeAlias = Callable[[Site, Caller, web.Request], Awaitable[web.StreamResponse]]
OpenHandler: TypeAlias = Callable[[Site, web.Request], Awaitable[web.StreamResponse]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One operation.

    Attributes:
        method: GET, POST, DELETE.
        path: with `{parameters}`.
        scope: what a credential must have; `PUBLIC` for none at all, `EACH` where each item has its own.
        handle: of those with a credential.
        serve: of those without.
        operation: its OpenAPI description, without what is the same for all.
    """

    method: str
    path: str
    scope: str
    operation: Mapping[str, Any]
    handle: Handler | None = None
    serve: OpenHandler | None = None

    @classmethod
    def plain(
        cls,
        method: str,
        path: str,
        scope: str,
        handle: Handler,
        summary: str,
        body: type[msgspec.Struct] | None = None,
        *,
        status: str = "200",
    ) -> "Route":
        """Return a route described by a summary, its body if it takes one, and the status of its reply."""
        operation: dict[str, Any] = {
            "summary": summary,
            "replies": {status: "nothing" if status == "204" else "object"},
        }
        if body is not None:
            operation["body"] = body
        return cls(method=method, path=path, scope=scope, handle=handle, operation=operation)
