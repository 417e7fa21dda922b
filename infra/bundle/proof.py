"""Whether what a bundle holds is what the ledger recorded."""

from collections.abc import Mapping
from itertools import groupby

import msgspec

from infra.bundle.format import Bundle, OtherLeaf, Sealed
from infra.chain import link
from infra.event_store import GENESIS
from infra.verify import Break, GivenHead

Place = tuple[str, int]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How far one shard of a bundle was found to hold together.

    Attributes:
        events: how many events of it are in the bundle.
        first: the first position in the bundle; `last`: the last one.
        whole: whether the chain holds from the shard's first event to `last` without a gap; otherwise each
            event holds in its own link.
        head_given: whether it meets a head that somebody kept.
        broken: the first thing that is wrong, None if all is well.
    """

    log: str
    shard: int
    events: int
    first: int
    last: int
    whole: bool
    head_given: bool = False
    broken: Break | None = None


def prove(bundle: Bundle, given: Mapping[Place, GivenHead] | None = None) -> list[Proof]:
    """Return a proof for each shard in a bundle; `given` are heads that were kept elsewhere."""
    return [
        _of_shard(place, list(links), (given or {}).get(place))
        for place, links in groupby(bundle.links, key=lambda one: (one.log, one.shard))
    ]


def _of_shard(place: Place, links: list[Sealed | OtherLeaf], given: GivenHead | None) -> Proof:
    position, chain, whole, met = 0, GENESIS, True, False
    broken: Break | None = None
    for one in links:
        if one.position <= position:
            broken = _break(place, one.position, "positions do not ascend")
            break
        gapless = one.position == position + 1
        whole = whole and gapless
        fault = _fault(one, chain if gapless else None)
        if fault is not None:
            broken = _break(place, one.position, fault)
            break
        chain = one.chain if isinstance(one, Sealed) else link(chain, one.position, one.recorded_at, one.leaf)
        position = one.position
        if given is not None and given.position == position:
            met = given.chain == chain
            if not met:
                broken = _break(place, position, "the chain is not that of the head given")
                break
    return Proof(
        log=place[0],
        shard=place[1],
        events=sum(isinstance(one, Sealed) for one in links),
        first=links[0].position,
        last=links[-1].position,
        whole=whole,
        head_given=met,
        broken=broken,
    )


def _fault(one: Sealed | OtherLeaf, before: bytes | None) -> str | None:
    """Return what is wrong with a link; `before` is the chain before it, None where that is not known."""
    if isinstance(one, OtherLeaf):
        return None if before is not None else "a leaf stands after a gap"
    if one.recorded.leaf() != one.leaf:
        return "the event is not the one that its leaf was made of"
    if before is not None and one.previous != before:
        return "it does not go on from the event before it"
    if link(one.previous, one.position, one.recorded_at, one.leaf) != one.chain:
        return "the chain does not hold"
    return None


def _break(place: Place, position: int, found: str) -> Break:
    return Break(log=place[0], shard=place[1], position=position, found=found)
