"""What is looked up before a decision: how far the head contracts of subleased lines were known.

The signing of a sublease is never refused for what its head says. It only carries where the head's stream
stood, so that capacity judges it upon no less than that.
"""

from collections.abc import Iterator
from typing import Any

from infra.past import Past
from schemas.contracts import Changes, Head, Line, Terms
from schemas.decision import Order, Origin
from schemas.kernel.agreement import Agreement, Proposed
from schemas.kernel.names import owner, qualify
from services.contracts.domain.contract import CONTRACT
from services.contracts.domain.standing import name_of, stream_of

LOG = "contracts"


async def heads_of(order: Order[Any], past: Past) -> tuple[Origin, ...]:
    """The last places of all head streams that the command or its contract names, each once."""
    name = name_of(order)
    lines = list(_stated(order.command))
    state = (await past.fold(LOG, CONTRACT, owner(name), stream_of(name))).state
    match state:
        case Agreement():
            lines += [line for segment in state.segments for line in _all_lines(segment.terms)]
        case Proposed(terms=terms):
            lines += _all_lines(terms)
        case _:
            pass
    heads = sorted({qualify(head.contract, owner(name)) for head in _heads(lines)})
    found = [await past.stream(LOG, owner(head), stream_of(head)) for head in heads]
    return tuple(events[-1].origin for events in found if events)


def _stated(command: Any) -> Iterator[Line]:  # noqa: ANN401 any command of contracts
    terms = getattr(command, "terms", None)
    if isinstance(terms, Terms):
        yield from _all_lines(terms)
    changes = getattr(command, "changes", None)
    if isinstance(changes, Changes):
        yield from changes.lines or ()


def _all_lines(terms: Terms) -> Iterator[Line]:
    yield from terms.lines
    for option in terms.options:
        yield from option.terms.lines


def _heads(lines: list[Line]) -> Iterator[Head]:
    for line in lines:
        if line.from_ is not None:
            yield line.from_
