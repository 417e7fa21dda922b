"""A client of Capledger's HTTP: what any partner may do, with retries that are always right.

A command keeps its id over all its tries, so that a retry after an unknown outcome settles it. What may
succeed later (429, 503, a lost connection) is tried again until the deadline; everything else is raised.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
import msgspec
import stamina

from infra.codec import encode, plain
from infra.server_sent import server_sent
from schemas.catalog import CONTEXTS, commands_by_tag
from schemas.message import tag

RETRY_SECONDS_MAX = 30.0
REQUEST_SECONDS_MAX = 60.0
FIRST_WAIT_SECONDS, WAIT_SECONDS_MAX = 0.05, 2.0
ITEMS_MAX = 1000


class ClientError(Exception):
    """Something came back that is no success."""


class RefusedError(ClientError):
    """A problem document: the server understood, and says no. `problem` holds all its members."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        """Tell code and detail."""
        super().__init__(f"{problem.get('code')}: {problem.get('detail')}")
        self.problem = problem
        self.code, self.status = str(problem.get("code")), int(problem.get("status", 0))

    def lines(self) -> Iterable[str]:
        """Yield what is wrong, one line for each fault, and what a rule has to say of its refusal."""
        yield str(self)
        for fault in self.problem.get("errors", ()):
            yield f"  {fault_line(fault, 'the body')}"
        details: Mapping[str, Any] = self.problem.get("details") or {}
        for name, value in details.items():
            yield f"  {name}: {_shown(value)}"


class UnreachableError(ClientError):
    """Nobody answered, or only with errors that may pass, until the deadline."""


class _TryAgainError(ClientError):
    """This try failed in a way that may pass."""


def fault_line(fault: Mapping[str, Any], whole: str) -> str:
    """Return one fault of a problem document as a line: where, what, and what was expected.

    Args:
        fault: as the document has it.
        whole: names what was sent, for a fault of all of it.
    """
    expected = f" (expected: {_shown(fault['expected'])})" if "expected" in fault else ""
    return f"{fault['pointer'] or whole}: {fault['detail']}{expected}"


def quiet_retries() -> None:
    """Log no retries: for programs whose log is a person's terminal."""
    stamina.instrumentation.set_on_retry_hooks([])


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an accepted command."""

    id: str
    outcome: str
    token: str
    recorded_at: datetime
    chain: str | None
    events: Sequence[Mapping[str, Any]]
    warnings: Sequence[Mapping[str, Any]]


class Client:
    """Speaks to all services of a ledger with one key."""

    def __init__(
        self,
        services: Mapping[str, str],
        key: str | None,
        *,
        session: aiohttp.ClientSession | None = None,
        retry_seconds: float = RETRY_SECONDS_MAX,
    ) -> None:
        """Take the address of each service by name, and the key; connect nowhere yet."""
        self.services = {name: url.rstrip("/") for name, url in services.items()}
        self._key, self._retry_seconds = key, retry_seconds
        self._session, self._own = session, session is None

    @classmethod
    async def find(cls, url: str, key: str | None, *, retry_seconds: float = RETRY_SECONDS_MAX) -> "Client":
        """Return a client of all services, found by asking one of them where the others are.

        Raises:
            UnreachableError: nobody answers there.
        """
        client = cls({"any": url}, key, retry_seconds=retry_seconds)
        try:
            found = await client.get("any", "/v1/services")
        except ClientError:
            await client.close()
            raise
        client.services = {**found["services"], found["service"]: url.rstrip("/")}
        return client

    def with_key(self, key: str) -> "Client":
        """Return a client of the same services with another key, over the same connections."""
        return Client(self.services, key, session=self._opened(), retry_seconds=self._retry_seconds)

    async def close(self) -> None:
        """Close the connections."""
        if self._own and self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def command(
        self, type_: str, data: Any, *, id_: str | None = None, effective_at: datetime | None = None
    ) -> Receipt:
        """Do one command, trying until its outcome is known.

        Raises:
            RefusedError: it was refused, is not valid, or its id is known with other content.
            UnreachableError: its outcome is not known; a later call with the same id settles it.
        """
        item: dict[str, Any] = {"id": id_ or uuid4().hex, "type": type_, "data": data}
        if effective_at is not None:
            item["effective_at"] = effective_at
        (result,) = await self.commands(_owner(type_), [item])
        return receipt(result)

    async def commands(
        self, service: str, items: Sequence[Mapping[str, Any]], *, mode: str = "each", dry_run: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        """Do up to 1,000 commands of one service; return one result each.

        Those whose outcome is unknown or that may pass later are sent again with their ids.
        """
        kept = [{"id": uuid4().hex, **item} for item in items]
        body = {"mode": mode, "dry_run": dry_run, "commands": kept}
        return await self._settled(service, lambda: self.post(service, "/v1/commands", body))

    async def events(self, service: str, events: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Report up to 1,000 facts as CloudEvents; return one result each."""
        media = "application/cloudevents-batch+json"
        return await self._settled(service, lambda: self.post(service, "/v1/events", list(events), media))

    async def event_lines(
        self, service: str, lines: AsyncIterator[bytes] | bytes
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Report facts as a stream of JSON lines; yield one result a line as they come; see `ClientError`."""
        url = self._address(service) + "/v1/events"
        headers = {**self._headers(), "Content-Type": "application/jsonl"}
        try:
            async with self._opened().post(url, data=lines, headers=headers, timeout=_NO_END) as response:
                if response.status != 200:  # noqa: PLR2004
                    raise RefusedError(await response.json(content_type=None))
                async for one in response.content:
                    yield msgspec.json.decode(one)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnreachableError(f"the stream to {service} broke off: send it again, same ids") from error

    async def ask(
        self, name: str, question: Any, *, when: Mapping[str, Any] | None = None, wait_seconds: int = 0
    ) -> Mapping[str, Any]:
        """Return `{answer, valid_at, basis}`.

        Args:
            name: of the ask.
            question: its fields.
            when: `valid_at`, `known_at` (an instant or a basis), `after` (a receipt or a basis).
            wait_seconds: how long `after` may be waited for.

        Raises:
            RefusedError: the question is refused or not valid.
        """
        body = {"ask": name, "with": question, **(when or {})}
        headers = {"Prefer": f"wait={wait_seconds}"} if wait_seconds else {}
        found: Mapping[str, Any] = await self.post(name.partition(".")[0], "/v1/asks", body, headers=headers)
        return found

    async def history(self, service: str, query: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        """Yield every event of a history, page by page, as known at its first page."""
        asked = dict(query)
        while True:
            page = await self.get(service, "/v1/history", asked)
            for event in page["events"]:
                yield event
            if page["cursor"] is None:
                return
            asked = {name: value for name, value in asked.items() if name in {"tenant", "limit"}}
            asked["cursor"] = page["cursor"]

    async def stream(self, service: str, query: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        """Yield events as they happen, without end; goes on from its cursor when the connection is lost."""
        cursor: str | None = query.get("cursor")
        url = self._address(service) + "/v1/events/stream"
        while True:
            headers = self._headers() | ({} if cursor is None else {"Last-Event-ID": cursor})
            try:
                async with self._opened().get(
                    url, params=query, headers=headers, timeout=_NO_END
                ) as response:
                    if response.status != 200:  # noqa: PLR2004
                        raise RefusedError(await response.json(content_type=None))
                    async for position, event in server_sent(response.content):
                        cursor = position
                        yield event
            except (aiohttp.ClientError, TimeoutError):
                if cursor is None:
                    raise UnreachableError(f"{service} does not answer") from None

    async def log(self, service: str, log: str, shard: int, after: int) -> Sequence[Mapping[str, Any]]:
        """Return the next events of a shard of a log (operations)."""
        text: bytes = await self._request(
            "GET", service, f"/v1/logs/{log}/{shard}", params={"after": str(after)}, raw=True
        )
        return [msgspec.json.decode(line) for line in text.splitlines()]

    async def get(self, service: str, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return what a GET brings.

        Raises:
            RefusedError, UnreachableError: see `ClientError`.
        """
        return await self._request("GET", service, path, params=query)

    async def post(
        self,
        service: str,
        path: str,
        body: Any,
        media: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return what a POST brings.

        Raises:
            RefusedError, UnreachableError: see `ClientError`.
        """
        sent = {"Content-Type": media, **(headers or {})}
        return await self._request("POST", service, path, body=encode(plain(body)), headers=sent)

    async def delete(self, service: str, path: str) -> None:
        """Do a DELETE."""
        await self._request("DELETE", service, path)

    async def _settled(self, service: str, send: Callable[[], Awaitable[Any]]) -> Sequence[Mapping[str, Any]]:
        """Send until no result says that it may pass; the ids make the repeats harmless."""
        try:
            async for attempt in self._attempts():
                with attempt:
                    found: Sequence[Mapping[str, Any]] = (await send())["results"]
                    _all_settled(service, found)
                    return found
        except _TryAgainError as error:
            raise UnreachableError(str(error)) from error
        raise AssertionError("a try returns or raises")

    async def _request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        raw: bool = False,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            async for attempt in self._attempts():
                with attempt:
                    return await self._once(
                        method,
                        self._address(service) + path,
                        params,
                        body,
                        {**self._headers(), **(headers or {})},
                        raw,
                    )
        except _TryAgainError as error:
            raise UnreachableError(f"{service}: {error}") from error
        raise AssertionError("a try returns or raises")

    async def _once(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
        raw: bool,  # noqa: FBT001
    ) -> Any:
        try:
            async with self._opened().request(
                method, url, params=params, data=body, headers=headers
            ) as response:
                content, status = await response.read(), response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _TryAgainError(f"no answer: {type(error).__name__}") from error
        if status >= 400:  # noqa: PLR2004
            raise _problem(content, status)
        if raw:
            return content
        return msgspec.json.decode(content) if content else None

    def _attempts(self) -> Any:
        return stamina.retry_context(
            on=_TryAgainError,
            attempts=None,
            timeout=self._retry_seconds,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=WAIT_SECONDS_MAX,
            wait_jitter=FIRST_WAIT_SECONDS,
        )

    def _address(self, service: str) -> str:
        found = self.services.get(service)
        if found is None:
            raise UnreachableError(f"nobody has said where the {service} service is")
        return found

    def _headers(self) -> dict[str, str]:
        return {} if self._key is None else {"Authorization": f"Bearer {self._key}"}

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX))
        return self._session


_NO_END = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS_MAX)


def receipt(result: Mapping[str, Any]) -> Receipt:
    """Return the receipt of a result.

    Raises:
        RefusedError: it has a problem instead.
    """
    if "problem" in result:
        raise RefusedError(result["problem"])
    kept = result["receipt"]
    return Receipt(
        id=result["id"],
        outcome=result["outcome"],
        token=kept["token"],
        recorded_at=datetime.fromisoformat(kept["recorded_at"]),
        chain=kept["chain"],
        events=kept["events"],
        warnings=result["warnings"],
    )


def _all_settled(service: str, results: Sequence[Mapping[str, Any]]) -> None:
    if any(result.get("problem", {}).get("retryable") for result in results):
        raise _TryAgainError(f"{service}: some outcomes are not known yet")


def _owner(type_: str) -> str:
    """Return the service that takes a command."""
    known = type_ if type_ in commands_by_tag() else f"{type_}.v1"
    for context in CONTEXTS:
        if any(tag(command) == known for command in context.commands):
            return context.name
    return type_.partition(".")[0]


def _problem(content: bytes, status: int) -> ClientError:
    try:
        problem = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        return _TryAgainError(f"status {status}")
    if problem.get("retryable"):
        return _TryAgainError(f"{problem.get('code')}: {problem.get('detail')}")
    return RefusedError(problem)


def _shown(expected: Any) -> str:
    return expected if isinstance(expected, str) else msgspec.json.encode(expected).decode()
