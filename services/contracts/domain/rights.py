"""Ways out of a contract: from when on a right may be used, and what leaving by it costs."""

from collections.abc import Iterator
from datetime import datetime

from schemas.contracts import ContractTerminated, ExitFee, NoticeGiven, Party, TerminationRight, Terms
from schemas.kernel.agreement import Agreement
from schemas.kernel.calendar import add_months
from schemas.kernel.charges import fixed
from schemas.kernel.money import minor, rounded
from schemas.kernel.rates import percent


def other(party: Party) -> Party:
    """The other party."""
    return "customer" if party == "supplier" else "supplier"


def opens_at(right: TerminationRight, terms: Terms) -> datetime | None:
    """The first instant at which notice may be given by a right; None if it has no lock.

    Months of a lock are calendar months after the term's start, on the wall clock of the billing zone.
    """
    if right.notice_not_before_months is not None:
        return add_months(terms.billing.zone, terms.term.start, right.notice_not_before_months)
    return right.notice_not_before


def rights_of(terms: Terms, party: Party) -> Iterator[TerminationRight]:
    """The rights of a party to leave for convenience, in the order of the terms."""
    for right in terms.termination:
        if right.cause == "convenience" and right.party in (party, "either"):
            yield right


def exit_fee(agreement: Agreement, fee: ExitFee | None, leaves_at: datetime) -> int:
    """What it costs to leave at an instant, in minor units; nothing at the end of the term.

    A percentage is of the exact remaining fixed amount, undetermined steps not counted, rounded once.
    """
    if fee is None or leaves_at >= agreement.term_end:
        return 0
    terms = agreement.terms_near(leaves_at)
    if fee.amount is not None:
        return minor(fee.amount, terms.currency)
    assert fee.percent_of_remaining_fixed is not None, "a fee is one of both"
    remaining = fixed(agreement.term_segments, terms.currency).within(leaves_at, agreement.term_end)
    return rounded(percent(fee.percent_of_remaining_fixed) * remaining, terms.billing.rounding)


def fee_of(agreement: Agreement, leaving: NoticeGiven | ContractTerminated) -> int:
    """What a notice or termination costs by the terms as they are now known, in minor units."""
    said_at = leaving.given_at if isinstance(leaving, NoticeGiven) else leaving.effective_at
    terms = agreement.terms_near(said_at)
    for right in terms.termination:
        if right.right == leaving.right:
            return exit_fee(agreement, right.fee, leaving.ends_at)
    return minor(leaving.fee, terms.currency)
