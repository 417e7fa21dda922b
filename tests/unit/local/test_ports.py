import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import ports
from infra.local.errors import PortTakenError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((ports.HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_ports_are_chosen_once_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "ports.json"
    first = ports.stored(file, ("a", "b"))
    assert ports.stored(file, ("a", "b")) == first
    assert len(set(first.values())) == 2


def test_a_new_name_gets_a_port_and_the_old_ones_stay(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.stored(file, ("a",))
    assert ports.stored(file, ("a", "b"))["a"] == first["a"]


def test_chosen_ports_lie_below_those_that_systems_hand_out() -> None:
    assert all(ports.FIRST <= ports.choose() <= ports.LAST < 32768 for _ in range(20))


def test_a_port_with_a_server_is_not_free(taken: int) -> None:
    assert not ports.is_free(taken)


async def test_a_port_that_stays_taken_is_named_in_the_error(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "RELEASE_SECONDS_MAX", 0.05)
    with pytest.raises(PortTakenError, match=f"kafka: port {taken} .*--new-ports"):
        await ports.require_free("kafka", taken)
