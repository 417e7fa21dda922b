"""A deadline for headers: a connection that says nothing, or says it too slowly, is closed.

The server library waits for headers for ever; a few thousand half-open requests would hold all there is.
"""

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from infra.http.replies import problem_reply
from infra.http.site import Limits
from infra.logging import logger
from infra.problems import Code, ProblemError

LINE_TOO_LONG = (
    "the address or a header is longer than 8190 bytes; long questions go in a body: POST /v1/asks"
)

_log = logger("capledger.http")


class PatientHandler(RequestHandler):
    """A connection whose headers have a deadline, from their first byte on."""

    __slots__ = ("_header_seconds", "_header_timer")

    def __init__(self, *args: Any, header_seconds: float, **kwargs: Any) -> None:
        """Take the deadline in seconds."""
        super().__init__(*args, **kwargs)
        self._header_seconds = header_seconds
        self._header_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Start the deadline with the first byte of a head, end it with the last."""
        # waiting for a message is the one sign of being between requests: one that was taken up shows as
        # current only a turn of the loop later, and a body that comes in between would start a deadline
        if self._waiter is not None and not self._messages and self._header_timer is None:
            self._header_timer = self._loop.call_later(self._header_seconds, self._too_slow)
        count = self._request_count
        super().data_received(data)
        if self._request_count != count:
            self._stop_timer()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 the library's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 may repeat what was sent
    ) -> web.StreamResponse:
        """Answer what is no HTTP request at all like every other error."""
        code = Code.INTERNAL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Code.UNREADABLE
        if exc is not None and code is Code.INTERNAL:
            _log.error("fault_of_our_own", exc_info=exc)
        detail = LINE_TOO_LONG if isinstance(exc, LineTooLong) else ""
        response = problem_reply(ProblemError(code, detail, status=status), uuid4().hex)
        response.force_close()
        return response

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the deadline."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _too_slow(self) -> None:
        self._header_timer = None
        if self.transport is not None:
            self.transport.abort()


class Listener:
    """An application on a port. `open` it; `close` lets what is being served end."""

    def __init__(self, application: web.Application, limits: Limits) -> None:
        """Take the application and its deadlines; nothing listens yet."""
        self._runner = web.AppRunner(
            application, access_log=None, keepalive_timeout=limits.idle_seconds_max, lingering_time=1.0
        )
        self._limits = limits
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; return the port, which the system chose if it was 0.

        Raises:
            OSError: the port is taken.
        """
        await self._runner.setup()
        server = self._runner.server
        assert isinstance(server, web.Server), "set up above"
        seconds = self._limits.header_seconds_max

        def connection() -> PatientHandler:
            # what the library's own factory does, with another class
            settings: Any = vars(server)
            return PatientHandler(
                server, loop=settings["_loop"], header_seconds=seconds, **settings["_kwargs"]
            )

        self._server = await asyncio.get_running_loop().create_server(connection, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self, seconds_max: float = 5.0) -> None:
        """Take no more connections, let requests end for so long, then end them."""
        if self._server is not None:
            self._server.close()
        server = self._runner.server
        await self._runner.shutdown()
        if isinstance(server, web.Server):
            server.pre_shutdown()
            await server.shutdown(seconds_max)
        await self._runner.cleanup()
