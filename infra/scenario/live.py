"""A player against a running stack: a sandbox ledger of its own, over HTTP, dropped at the end."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from infra.client import Client, RefusedError, UnreachableError
from infra.codec import InvalidMessageError, command_named, convert, plain
from infra.scenario.model import Step
from infra.scenario.play import Refusal, UnreadableStepError
from schemas.message import tag

SHARDS = 4
SERVED_SECONDS_MAX = 20.0
POLL_SECONDS = 0.05
_NOT_OF_THE_STEP = frozenset({"invalid", "type_unknown", "known_at_in_future", "token_invalid", "unreadable"})


class LivePlayer:
    """Plays on a sandbox ledger that it makes; see `Player`. Close it, and the ledger is dropped."""

    def __init__(self, admin: Client, ledger: str) -> None:
        """Take a client with the sandbox's own key; `open` makes both."""
        self._admin, self.ledger = admin, ledger
        self._clients: dict[str, Client] = {}
        self._marks: dict[str, str] = {}

    @classmethod
    async def open(cls, client: Client, now: datetime) -> "LivePlayer":
        """Make a sandbox whose clock stands at `now`; `client` has a key with `ledger:replay`.

        Raises:
            RefusedError: no sandbox can be made there.
            UnreachableError: a service does not serve it in time.
        """
        name = f"run-{uuid4().hex[:12]}"
        first = next(iter(client.services))
        made = await client.post(first, "/v1/ledgers", {"ledger": name, "clock": now, "shards": SHARDS})
        admin = client.with_key(made["key"]["secret"])
        player = cls(admin, name)
        try:
            await player._served()
        except BaseException:
            await player.close()
            raise
        return player

    async def close(self) -> None:
        """Drop the sandbox."""
        await self._admin.delete(next(iter(self._admin.services)), f"/v1/ledgers/{self.ledger}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def advance(self, to: datetime) -> None:
        """See `Player.advance`."""
        await self._admin.post(self._first, "/v1/clock/advance", {"to": to})

    async def do(self, step: Step) -> Refusal | None:
        """See `Player.do`."""
        assert step.do is not None, "a step that does says what"
        assert step.as_ is not None, "and as whom"
        command = command_named(step.do)
        if command is None:
            raise UnreadableStepError(".do", f"there is no command `{step.do}`")
        _check(command, step)
        client = await self._as(step.as_)
        try:
            await client.command(tag(command), dict(step.with_), id_=step.id, effective_at=step.effective_at)
        except RefusedError as error:
            return _refusal(error, ".with")
        finally:
            await self._rest()
        return None

    async def ask(self, step: Step) -> Any | Refusal:
        """See `Player.ask`."""
        assert step.ask is not None, "a step that asks says what"
        assert step.as_ is not None, "and as whom"
        client = await self._as(step.as_)
        if step.ask.partition(".")[0] not in client.services:
            raise UnreadableStepError(".ask", f"there is no question `{step.ask}`")
        when: dict[str, Any] = {"known_at": self._known(step.known_at), "valid_at": step.valid_at}
        given = {name: value for name, value in when.items() if value is not None}
        try:
            reply = await client.ask(step.ask, dict(step.with_), when=given)
        except RefusedError as error:
            return _refusal(error, ".with")
        return reply["answer"]

    async def mark(self, name: str) -> None:
        """See `Player.mark`."""
        self._marks[name] = (await self._admin.get(self._first, "/v1/basis"))["basis"]

    async def invariants(self) -> list[str]:
        """See `Player.invariants`."""
        found: list[str] = []
        for service in self._admin.services:
            found += (await self._admin.post(service, "/v1/checks", {}))["wrong"]
        return found

    @property
    def _first(self) -> str:
        return next(iter(self._admin.services))

    async def _rest(self) -> None:
        await self._admin.post(self._first, "/v1/clock/rest", {})

    async def _as(self, tenant: str) -> Client:
        """Return the client of a tenant, whose key is made when it is first needed."""
        found = self._clients.get(tenant)
        if found is None:
            made = await self._admin.post(self._first, "/v1/tenants", {"tenant": tenant})
            found = self._clients[tenant] = self._admin.with_key(made["key"]["secret"])
        return found

    async def _served(self) -> None:
        """Wait until every service serves the sandbox: one may hear of it a little later than the first."""
        until = time.monotonic() + SERVED_SECONDS_MAX
        for service in self._admin.services:
            while not await self._serves(service):
                if time.monotonic() > until:
                    raise UnreachableError(f"{service} does not serve the sandbox {self.ledger}")
                await asyncio.sleep(POLL_SECONDS)

    async def _serves(self, service: str) -> bool:
        try:
            await self._admin.get(service, "/v1/clock")
        except RefusedError as error:
            if error.code == "credential_invalid":
                return False
            raise
        return True

    def _known(self, known_at: str | None) -> str | None:
        if known_at is None or known_at in self._marks:
            return None if known_at is None else self._marks[known_at]
        try:
            datetime.fromisoformat(known_at)
        except ValueError as error:
            raise UnreadableStepError(
                ".known_at", f"there is no mark `{known_at}` before this step"
            ) from error
        return known_at


def _check(command: type[Any], step: Step) -> None:
    """Read the fields here first, so that what cannot be read is told as in a run in memory."""
    try:
        convert(command, dict(step.with_))
    except InvalidMessageError as error:
        hint = ' (quote it: "…")' if "Expected `str`, got `int`" in error.detail else ""
        raise UnreadableStepError(f".with{error.path.removeprefix('$')}", error.detail + hint) from error


def _refusal(error: RefusedError, below: str) -> Refusal:
    """Return a refusal by rule; what is wrong with the step itself is raised.

    Raises:
        UnreadableStepError: the step cannot be read.
    """
    if error.code in _NOT_OF_THE_STEP:
        raise UnreadableStepError(below, "; ".join(error.lines())) from error
    details: Mapping[str, Any] = error.problem.get("details", {})
    return Refusal(error.code, plain(details))
