"""Where each command is decided: the operator's book, and the streams that the decision reads or extends."""

from collections.abc import Iterable

from schemas.capacity import ReserveTogether, TakeTerms
from schemas.decision import Place
from schemas.kernel.names import owner, qualify
from schemas.message import Command
from services.capacity.domain.access import stream_of
from services.capacity.domain.request import request_stream
from services.capacity.domain.usage import meter_stream


def of_pool(command: Command, actor: str) -> Place:
    """Place a command that names one `pool`."""
    pool = qualify(command.pool, actor)  # type: ignore[attr-defined]
    return Place(owner(pool), (stream_of(pool),))


def of_parts(command: ReserveTogether, actor: str) -> Place:
    """Place a gang.

    Raises:
        ValueError: its pools are not one operator's.
    """
    pools = [qualify(part.pool, actor) for part in command.parts]
    books = {owner(pool) for pool in pools}
    if len(books) != 1:
        raise ValueError(
            "together means pools of one operator: across operators, hold in each, then confirm all"
        )
    return Place(books.pop(), _streams(pools))


def of_terms(command: TakeTerms, actor: str) -> Place:
    """Place the answer to a contract: the pools concerned, and what was asked before."""
    del actor
    pools = [line.pool for line in command.lines if line.pool is not None]
    return Place(command.book, (*_streams(pools), request_stream(command.contract)))


def of_meter(command: Command, actor: str) -> Place:
    """Place a report: the meter that it names; which givers' meters it extends is gathered."""
    pool = qualify(command.pool, actor)  # type: ignore[attr-defined]
    return Place(owner(pool), (meter_stream(pool, command.reservation),))  # type: ignore[attr-defined]


def _streams(pools: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stream_of(pool) for pool in pools))
