"""One question of Kafka's protocol, spoken without a client library: which brokers are there?

A broker that answers Metadata with itself in the list is registered and unfenced: it takes clients.
"""

import asyncio
import struct
from contextlib import suppress

API_METADATA = 3
VERSION = 1
CLIENT_ID = b"capledger-local"
ANSWER_SECONDS_MAX = 2.0
ANSWER_BYTES_MAX = 1 << 20


class UnreadableAnswerError(Exception):
    """What came back is not an answer of Kafka."""


def request() -> bytes:
    """A Metadata request of version 1 that asks for no topic, with its length before it."""
    header = struct.pack(f">hhih{len(CLIENT_ID)}s", API_METADATA, VERSION, 1, len(CLIENT_ID), CLIENT_ID)
    body = header + struct.pack(">i", 0)
    return struct.pack(">i", len(body)) + body


def brokers(answer: bytes) -> list[tuple[int, str, int]]:
    """The (node id, host, port) of each broker in an answer without its length.

    Raises:
        UnreadableAnswerError: it ends early or makes no sense.
    """
    try:
        correlation, count = struct.unpack_from(">ii", answer)
        if correlation != 1 or count < 0:
            raise UnreadableAnswerError(f"correlation {correlation}, {count} brokers")
        offset = 8
        found: list[tuple[int, str, int]] = []
        for _ in range(count):
            node, length = struct.unpack_from(">ih", answer, offset)
            host = answer[offset + 6 : offset + 6 + length].decode()
            (port, rack) = struct.unpack_from(">ih", answer, offset + 6 + length)
            offset += 6 + length + 6 + max(rack, 0)
            found.append((node, host, port))
    except (struct.error, UnicodeDecodeError) as problem:
        raise UnreadableAnswerError(str(problem)) from problem
    return found


async def ask_brokers(host: str, port: int) -> list[tuple[int, str, int]]:
    """The brokers that a server lists now; empty when it does not answer (yet)."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request())
                (length,) = struct.unpack(">i", await reader.readexactly(4))
                if not 0 < length <= ANSWER_BYTES_MAX:
                    return []
                return brokers(await reader.readexactly(length))
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, EOFError, UnreadableAnswerError):
        return []
