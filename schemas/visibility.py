"""Who sees an event besides the two that it names.

An event on a reservation named `supplier/contract/line` is visible to that supplier too: the statement of
one who passed capacity on rests on what its taker used. Meters carry the reservation in their stream's name.
"""

from collections.abc import Sequence

_METER = "meter-"
_PARTS_OF_A_LINE = 3


def giver_of(stream: str) -> str | None:
    """Return the supplier whose line a stream meters, None if it meters none.

    `meter-memphis/anthropic/sub/one`: pool `memphis`, reservation `anthropic/sub/one`, supplier `anthropic`.
    """
    if not stream.startswith(_METER):
        return None
    _, _, reservation = stream.removeprefix(_METER).partition("/")
    parts = reservation.split("/")
    return parts[0] if len(parts) == _PARTS_OF_A_LINE else None


def sees(party: str, tenant: str, counterparty: str | None, stream: str) -> bool:
    """Say whether a tenant may see an event."""
    return party in (tenant, counterparty) or giver_of(stream) == party


def see(parties: Sequence[str], tenant: str, counterparty: str | None, stream: str) -> bool:
    """Say whether an event is one that all of `parties` may see."""
    return all(sees(party, tenant, counterparty, stream) for party in parties)
