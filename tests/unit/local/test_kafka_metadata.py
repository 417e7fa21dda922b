import asyncio
import struct

import pytest

from infra.local.kafka_metadata import UnreadableAnswerError, ask_brokers, brokers, request


def answer(*nodes: tuple[int, str, int, str | None]) -> bytes:
    text = struct.pack(">ii", 1, len(nodes))
    for node, host, port, rack in nodes:
        text += struct.pack(">ih", node, len(host)) + host.encode() + struct.pack(">i", port)
        text += struct.pack(">h", -1) if rack is None else struct.pack(">h", len(rack)) + rack.encode()
    return text + struct.pack(">ii", 1, 0)


def test_a_request_states_its_own_length() -> None:
    (length,) = struct.unpack(">i", request()[:4])
    assert length == len(request()) - 4


def test_brokers_are_read_with_and_without_a_rack() -> None:
    found = brokers(answer((1, "127.0.0.1", 9092, None), (2, "host", 9093, "east")))
    assert found == [(1, "127.0.0.1", 9092), (2, "host", 9093)]


@pytest.mark.parametrize("length", range(4, 30))
def test_an_answer_that_ends_early_is_unreadable(length: int) -> None:
    whole = answer((1, "127.0.0.1", 9092, None), (2, "host", 9093, "east"))
    with pytest.raises(UnreadableAnswerError):
        brokers(whole[:length])


def test_an_answer_to_another_question_is_unreadable() -> None:
    with pytest.raises(UnreadableAnswerError):
        brokers(struct.pack(">ii", 7, 0))


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", struct.pack(">i", 3) + b"abc"])
async def test_a_server_that_is_not_kafka_lists_no_brokers(said: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await ask_brokers("127.0.0.1", port) == []
