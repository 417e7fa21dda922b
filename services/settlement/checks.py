"""What must hold whenever the system is at rest."""

from collections.abc import Sequence
from datetime import datetime

from infra.past import Past
from schemas.settlement import StatementIssued
from services.settlement.domain.journal import RateMissingError
from services.settlement.projections import STATEMENTS
from services.settlement.reads.journal import groups_of
from services.settlement.recomputing import differs, stream_of_account


async def statements_are_reproducible(past: Past, now: datetime) -> Sequence[str]:
    """Every issued statement, computed again from the logs at its basis, gives the same bytes."""
    del now
    wrong: list[str] = []
    for contract in sorted({row["contract"] for row in await past.rows(STATEMENTS, {})}):
        for recorded in await stream_of_account(past, contract):
            if isinstance(recorded.event, StatementIssued):
                found = await differs(past, recorded)
                wrong += [] if found is None else [found]
    return wrong


async def books_balance(past: Past, now: datetime) -> Sequence[str]:
    """Every posting group sums to zero, in money and in GPU-seconds."""
    del now
    wrong: list[str] = []
    for tenant in sorted({row["supplier"] for row in await past.rows(STATEMENTS, {})}):
        try:
            groups = await groups_of(past, tenant)
        except RateMissingError:
            continue  # what cannot be booked yet is not out of balance
        wrong += [
            f"{group.cause}: postings in {group.currency} do not sum to zero"
            for group in groups
            if sum(posting.amount for posting in group.postings)
        ]
    return wrong


CHECKS = (statements_are_reproducible, books_balance)
