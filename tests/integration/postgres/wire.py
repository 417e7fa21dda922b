"""A wire between client and server that a test can cut at the worst moment."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Wire:
    """Passes bytes on, both ways, until it is told to lose the server's next answer."""

    def __init__(self, host: str, port: int) -> None:
        """Nothing listens yet."""
        self._target = (host, port)
        self._losing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = asyncio.Event()

    def lose_next_answer(self) -> None:
        """Cut the connection when the server has answered next; the answer is not passed on."""
        self._losing = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client with the server."""
        from_server, to_server = await asyncio.open_connection(*self._target)
        back = asyncio.create_task(self._pass(from_server, writer, answers=True))
        self._tasks.add(back)
        await self._pass(reader, to_server, answers=False)
        await back

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        try:
            while data := await source.read(65536):
                if answers and self._losing:
                    self._losing = False
                    self.lost.set()
                    return
                target.write(data)
                await target.drain()
        except OSError:
            return  # the other side has gone; so do we
        finally:
            target.close()


@asynccontextmanager
async def wire(dsn: str) -> AsyncGenerator[tuple[Wire, str]]:
    """Lay a wire to the server of a DSN; yields it and the DSN that goes over it."""
    place = dsn.rpartition("@")[2].partition("/")[0]
    host, _, port = place.partition(":")
    made = Wire(host, int(port))
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    listening = server.sockets[0].getsockname()[1]
    try:
        yield made, dsn.replace(place, f"127.0.0.1:{listening}")
    finally:
        server.close()
