"""What must hold whenever the system is at rest."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from infra.past import Past
from infra.sums import Between
from schemas.settlement import StatementIssued
from services.settlement import posting
from services.settlement.domain.journal import trial
from services.settlement.domain.valuing import RateMissingError
from services.settlement.projections import STATEMENTS
from services.settlement.reads.journal import groups_of
from services.settlement.recomputing import differs, stream_of_account

ALWAYS = Between("at", datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


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
    """Every posting group sums to zero, and the books kept are those that follow from the log."""
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
            if sum(leg.amount for leg in group.postings)
        ]
        if not await posting.is_kept(past, tenant):
            continue
        if await posting.posted(past, tenant, ALWAYS) != groups:
            wrong.append(f"the books kept of {tenant} are not those that follow from the log")
        wrong += await _balances(past, tenant, trial(groups))
    return wrong


async def _balances(past: Past, tenant: str, expected: Mapping[tuple[str, str], int]) -> list[str]:
    """The running balances must end where the trial balance does."""
    last = {
        (row["account"], row["currency"]): row["balance"]
        for row in await past.rows(posting.POSTINGS, {"tenant": tenant})
    }
    summed = await posting.balances(past, tenant, ALWAYS.high)
    return [
        f"{account} of {tenant}: {last.get((account, currency))} is its running balance, {value} its sum"
        for (account, currency), value in expected.items()
        if not last.get((account, currency)) == summed.get((account, currency)) == value
    ]


CHECKS = (statements_are_reproducible, books_balance)
