"""Reading Server-Sent Events: the part of the format that our own feed uses."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import msgspec


async def server_sent(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """Yield each event with its id, as it comes in; comments and what has no data are passed over."""
    cursor, data = "", b""
    async for raw in content:
        line = raw.rstrip(b"\n")
        if line.startswith(b"id: "):
            cursor = line[4:].decode()
        elif line.startswith(b"data: "):
            data = line[6:]
        elif not line and data:
            yield cursor, msgspec.json.decode(data)
            data = b""
