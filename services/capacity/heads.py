"""Where a subleased line comes from: its head contract, by it a pool; and what speaks against it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from infra.event_store import Recorded
from infra.past import Past
from schemas.contracts import Head
from schemas.kernel import agreement as agreements
from schemas.kernel.agreement import Agreement
from schemas.kernel.names import local, owner, qualify
from services.capacity.domain.request import line_name

DEPTH_MOST = 32
Verdict = Literal["transfer_forbidden", "consent_missing"]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Where a line is to be had.

    Attributes:
        pool: the pool, qualified; None where none is found.
        source: for a sublease, the giver's reservation or holding.
        refused: what the head's terms say against it.
    """

    pool: str | None = None
    source: str | None = None
    refused: Verdict | None = None

    @property
    def operator(self) -> str | None:
        """Whose pool it is."""
        return None if self.pool is None else owner(self.pool)


async def head_of(head: Head, sublease: Agreement, recorded: Recorded, past: Past) -> Found:
    """Return where a head leads, and whether the sublease may be.

    The head counts as it was when the sublease was signed or asked for: up to the places that the event says
    must be known. A head that does not exist, or is another's, is as good as one without consent.
    """
    contract = qualify(head.contract, sublease.supplier)
    found = await _agreement(contract, past, recorded)
    source = line_name(contract, head.line)
    if found is None or found.customer != sublease.supplier or head.line not in found.lines:
        return Found(refused="consent_missing")
    pool = await _pool(found, head.line, past)
    return Found(pool=pool, source=source, refused=_verdict(found, sublease, recorded))


def _verdict(head: Agreement, sublease: Agreement, recorded: Recorded) -> Verdict | None:
    match head.terms_near(recorded.effective_at).transfer.sublease:
        case "allowed":
            return None
        case "consent":
            return None if ("sublease", sublease.customer) in head.consents else "consent_missing"
        case "forbidden":
            return "transfer_forbidden"


async def _pool(head: Agreement, line: str, past: Past) -> str | None:
    """Return the pool that a line lives in, up the chain of heads."""
    for _ in range(DEPTH_MOST):
        named = next(each for s in head.segments for each in s.terms.lines if each.line == line)
        if named.pool is not None:
            pool = qualify(named.pool, head.supplier)
            return pool if owner(pool) == head.supplier else None
        assert named.from_ is not None, "a line has a pool or a head"
        above = await _agreement(qualify(named.from_.contract, head.supplier), past)
        if above is None or named.from_.line not in above.lines:
            return None
        head, line = above, named.from_.line
    return None


async def _agreement(contract: str, past: Past, asked: Recorded | None = None) -> Agreement | None:
    """Return a contract as it is, or as it was when `asked` was decided."""
    history = await past.stream("contracts", owner(contract), f"contract-{local(contract)}")
    known = history if asked is None else _known(history, asked)
    state = agreements.fold(each.event for each in known)
    return state if isinstance(state, Agreement) else None


def _known(history: Sequence[Recorded], recorded: Recorded) -> list[Recorded]:
    needs = recorded.meta.needs
    if not needs:
        return list(history)
    reached = {(need.log, need.shard): need.position for need in sorted(needs)}
    reached[recorded.log, recorded.shard] = max(
        recorded.position, reached.get((recorded.log, recorded.shard), 0)
    )
    return [each for each in history if each.position <= reached.get((each.log, each.shard), 0)]
