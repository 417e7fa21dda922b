"""Reading bodies within their bounds of bytes and seconds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from infra.http.site import Limits
from infra.problems import Code, Fault, FaultCode, ProblemError

CHUNK = 64 * 1024


class InFlight:
    """How many requests, and how many bytes of bodies, this process holds at once."""

    def __init__(self, limits: Limits) -> None:
        """Start empty."""
        self._limits = limits
        self.requests = 0
        self.bytes = 0

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[None, None]:
        """Count one request while it is served.

        Raises:
            ProblemError: too many are.
        """
        if self.requests >= self._limits.in_flight_max:
            raise ProblemError(Code.BUSY, "too many requests are being served")
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    @asynccontextmanager
    async def body(self, request: web.Request) -> AsyncGenerator[bytes, None]:
        """Read a whole body, and count its bytes while it is in use.

        Raises:
            ProblemError: too large, too slow, or cut off.
        """
        most = self._limits.body_bytes_max
        if request.content_length is not None and request.content_length > most:
            raise ProblemError(Code.TOO_LARGE, f"a body of at most {most} bytes")
        held = 0
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._limits.body_seconds_max):
                async for part in _parts(request):
                    held += len(part)
                    self.bytes += len(part)
                    if held > most:
                        raise ProblemError(Code.TOO_LARGE, f"a body of at most {most} bytes")
                    if self.bytes > self._limits.in_flight_bytes_max:
                        raise ProblemError(Code.BUSY, "too many bytes are being read")
                    parts.append(part)
            yield b"".join(parts)
        except TimeoutError as error:
            raise ProblemError(Code.REQUEST_TIMEOUT, "the body did not arrive in time") from error
        finally:
            self.bytes -= held


async def lines(request: web.Request, limits: Limits) -> AsyncIterator[Sequence[bytes | None]]:
    """Yield the lines of a body of any length as they come in; None for one longer than a line may be.

    An empty line is skipped. Each piece of the body has the body's deadline for itself.

    Raises:
        ProblemError: too slow, or cut off.
    """
    splitter = _Splitter(limits.line_bytes_max)
    parts = aiter(_parts(request))
    while True:
        try:
            async with asyncio.timeout(limits.body_seconds_max):
                part = await anext(parts, None)
        except TimeoutError as error:
            raise ProblemError(Code.REQUEST_TIMEOUT, "the next line did not arrive in time") from error
        if part is None:
            break
        if found := splitter.add(part):
            yield found
    if found := splitter.end():
        yield found


class _Splitter:
    """Cuts pieces into lines, and holds no more than one line."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = b""
        self._skipping = False

    def add(self, part: bytes) -> list[bytes | None]:
        *whole, self._rest = (self._rest + part).split(b"\n")
        found: list[bytes | None] = []
        for one in whole:
            if self._skipping or len(one) > self._most:
                self._skipping = False
                found.append(None)
            elif one.strip():
                found.append(one)
        if len(self._rest) > self._most:
            self._rest, self._skipping = b"", True
        return found

    def end(self) -> list[bytes | None]:
        return self.add(b"\n") if self._rest.strip() or self._skipping else []


async def _parts(request: web.Request) -> AsyncIterator[bytes]:
    try:
        while part := await request.content.read(CHUNK):
            yield part
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
        detail = "the body is cut off or wrongly encoded"
        raise ProblemError(Code.UNREADABLE, detail, errors=[Fault("", FaultCode.NOT_JSON, detail)]) from error
