"""`settlement.commitments`: how minimums and prepayments burn down, against an even plan."""

from datetime import datetime
from fractions import Fraction
from typing import Any

from infra.service import View
from schemas.decision import Refused
from schemas.kernel.instants import seconds
from schemas.kernel.money import amount
from schemas.kernel.rounding import round_half_up
from schemas.settlement import CommitmentsQuestion
from services.settlement.domain.computing import rated
from services.settlement.domain.intervals import slots
from services.settlement.domain.rating.minimum import Floor
from services.settlement.domain.rating.prepayment import Purse, run_out
from services.settlement.knowledge import closed_cut, known_whole
from services.settlement.reads.access import UNKNOWN, account_of
from services.settlement.reads.statement import span


async def commitments(question: CommitmentsQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer with every period of each minimum begun by valid_at, and every prepayment."""
    found = await account_of(question.contract, view)
    if isinstance(found, Refused):
        return found
    cut = await closed_cut(view.past)
    all_known = await known_whole(view.past.at(cut), found.agreement.contract, found.account, view.valid_at)
    if all_known is None:
        return UNKNOWN
    agreement, at = all_known.agreement, view.valid_at
    all_slots = slots(agreement, max(at, agreement.end), found.account.issued)
    rating = rated(all_known.deal, all_slots, found.account, at)
    currency = agreement.terms_near(at).currency
    if rating.intervals:
        run_out(rating.purses, at, rating.intervals[-1].scope)
    return {
        "contract": agreement.contract,
        "currency": currency,
        "minimums": [_minimum(floor, at, currency) for floor in rating.floors if floor.held.start < at],
        "prepayments": [_prepayment(purse, at, currency) for purse in rating.purses],
    }


def _minimum(floor: Floor, at: datetime, currency: str) -> dict[str, Any]:
    passed = Fraction(
        min(seconds(at), seconds(floor.held.end)) - seconds(floor.held.start), floor.held.seconds
    )
    left = max(Fraction(0), floor.floor - floor.covered)
    return {
        "charge": floor.charge,
        "period": span(floor.period),
        "floor": amount(round_half_up(floor.floor), currency),
        "covered": amount(floor.covered, currency),
        "remaining": amount(round_half_up(left), currency),
        "planned": amount(round_half_up(floor.floor * passed), currency),
        "made_up": amount(floor.made_up, currency),
    }


def _prepayment(purse: Purse, at: datetime, currency: str) -> dict[str, Any]:
    begin, end = seconds(purse.billed_at), seconds(purse.charge.expires)
    passed = Fraction(0)
    if end > begin:
        passed = Fraction(max(0, min(seconds(at), end) - begin), end - begin)
    return {
        "charge": purse.charge.charge,
        "amount": amount(purse.amount, currency),
        "drawn": amount(purse.drawn, currency),
        "expired": amount(sum(lost for _, lost in purse.breakage), currency),
        "left": amount(purse.left, currency),
        "planned": amount(round_half_up(purse.amount * passed), currency),
        "expires": purse.expires,
        "exhausted": purse.left == 0,
    }
