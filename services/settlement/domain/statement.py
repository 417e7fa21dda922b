"""The statement: f(K) of an interval, plus f(K) minus what was billed for every earlier one."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

import msgspec

from schemas.kernel.interval import Interval
from schemas.kernel.money import amount
from schemas.kernel.wire import enc_hook
from schemas.settlement import BasisEntry, BilledLine, Kind, Measured, Recognised, StatementIssued, TaxEntry
from services.settlement.domain.account import LATE_INTEREST, Account, Billed, Key
from services.settlement.domain.intervals import Slot
from services.settlement.domain.rating import RatedInterval, Rating
from services.settlement.domain.rating.line import KINDS, Line, holdings_of, pools_of
from services.settlement.domain.rating.tax import assess

ORDER: Mapping[Kind, int] = {kind: place for place, kind in enumerate(KINDS)}


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a statement that is being made: `line` with the interval it belongs to."""

    line: Line
    interval: Interval
    corrects: str | None = None


def drafted(rating: Rating, state: Account, slot: Slot, *, preview: bool = False) -> list[Drafted]:
    """The lines of the statement of an interval, in order.

    Own lines first, as far as corrections have not billed them already, then one correction for each earlier
    interval, kind and charge whose amount differs. The preview of an interval that was billed shows what
    would now be different in it, and nothing else.
    """
    start = slot.interval.start
    billed_already = start in state.by_interval
    own: list[Drafted] = []
    corrections: list[Drafted] = []
    for found in rating.intervals:
        if found.scope.currency != slot.currency:
            continue
        if found.scope.interval.start == start:
            own = _own(found, state, as_differences=billed_already)
        elif found.scope.interval.start < start and not (preview and billed_already):
            corrections += _differences(found, state, state.by_interval.get(found.scope.interval.start))
    if not billed_already:
        own = _with_interest(own, state, slot)
    return own + corrections


def _own(found: RatedInterval, state: Account, *, as_differences: bool) -> list[Drafted]:
    if as_differences or state.billed.get(found.scope.interval.start):
        return _differences(found, state, None)
    return [Drafted(line=line, interval=found.scope.interval) for line in found.lines]


def _with_interest(own: list[Drafted], state: Account, slot: Slot) -> list[Drafted]:
    """The claimed late interest that no statement has billed, in its place among the kinds."""
    claimed = state.interest_claimed.get(slot.currency, 0)
    billed = state.interest_billed.get(slot.currency, 0)
    left = claimed - billed
    if not left:
        return own
    line = Line(
        kind=LATE_INTEREST,
        charge=None,
        service=slot.interval,
        amount=left,
        formula=f"{claimed} minor units claimed - {billed} billed before",
    )
    return sorted(
        [*own, Drafted(line=line, interval=slot.interval)], key=lambda draft: KINDS.index(draft.line.kind)
    )


def _differences(found: RatedInterval, state: Account, corrects: str | None) -> list[Drafted]:
    """One line for each kind and charge whose amount is not what was billed."""
    interval = found.scope.interval
    billed = state.billed.get(interval.start, {})
    now: dict[Key, list[Line]] = {}
    for line in found.lines:
        now.setdefault((line.kind, line.charge), []).append(line)
    made: list[Drafted] = []
    for key in sorted({*now, *billed}, key=lambda key: _place(key, found)):
        lines, before = now.get(key, []), billed.get(key)
        owed = sum(line.amount for line in lines)
        difference = owed - (before.amount if before is not None else 0)
        if difference:
            line = _difference(key, found, lines, before, difference, owed)
            made.append(Drafted(line=line, interval=interval, corrects=corrects))
    return made


def _place(key: Key, found: RatedInterval) -> tuple[int, int, str]:
    kind, charge = key
    places = found.scope.places
    return (ORDER[kind], places.get(charge or "", len(places)), charge or "")


def _difference(
    key: Key, found: RatedInterval, lines: list[Line], before: Billed | None, difference: int, owed: int
) -> Line:
    was = 0 if before is None else before.amount
    category, rate = (
        (lines[0].category, lines[0].rate_percent)
        if lines
        else (None if before is None else before.category, None if before is None else before.rate_percent)
    )
    return Line(
        kind=key[0],
        charge=key[1],
        service=found.scope.interval,
        amount=difference,
        formula=f"{owed} minor units now{_parts(lines)} - {was} billed before",
        category=category,
        rate_percent=rate,
        versions=tuple(dict.fromkeys(v for line in lines for v in line.versions)),
        holdings=holdings_of(lines),
        pools=pools_of(lines),
    )


def _parts(lines: list[Line]) -> str:
    """How what is owed now came about, line by line."""
    return f" ({'; '.join(line.formula for line in lines)})" if lines else ""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A statement's figures: its lines with tax, its tax entries, net and total."""

    lines: tuple[BilledLine, ...]
    taxes: tuple[TaxEntry, ...]
    net: str
    total: str


def sheet(drafts: list[Drafted], slot: Slot) -> Sheet:
    """The figures of drafted lines: tax once per category and rate, then shared out."""
    currency = slot.currency
    figures = [(d.line.amount, d.line.category, d.line.rate_percent) for d in drafts]
    taxes, entries = assess(figures, slot.billing.rounding)
    net = sum(draft.line.amount for draft in drafts)
    return Sheet(
        lines=tuple(
            _billed_line(number, draft, tax, currency)
            for number, (draft, tax) in enumerate(zip(drafts, taxes, strict=True), start=1)
        ),
        taxes=tuple(
            TaxEntry(
                category=entry.category,
                rate_percent=entry.rate_percent,
                base=amount(entry.base, currency),
                amount=amount(entry.amount, currency),
            )
            for entry in entries
        ),
        net=amount(net, currency),
        total=amount(net + sum(taxes), currency),
    )


def _billed_line(number: int, draft: Drafted, tax: int, currency: str) -> BilledLine:
    line = draft.line
    return BilledLine(
        line=number,
        kind=line.kind,
        charge=line.charge,
        interval=draft.interval,
        service=line.service,
        quantity=None if line.quantity is None else str(line.quantity),
        unit=line.unit,
        rate=line.rate,
        amount=amount(line.amount, currency),
        tax=amount(tax, currency),
        category=line.category,
        rate_percent=line.rate_percent,
        corrects=draft.corrects,
    )


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """What was earned, by account, and measured from the contract's beginning to the end of an interval."""

    end: datetime
    recognised: Mapping[str, int]
    measured: Measured


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement needs besides its lines. `earned` is told for the end of every interval."""

    contract: str
    rating: Rating
    basis: tuple[BasisEntry, ...]
    provisional: bool
    issued_at: datetime
    due_at: datetime
    earned: tuple[Earned, ...]


def statement(issue: Issue, state: Account, slot: Slot) -> StatementIssued:
    """The event of the statement of an interval, over the account as it stands."""
    figures = sheet(drafted(issue.rating, state, slot), slot)
    rated = next((r for r in issue.rating.intervals if r.scope.interval == slot.interval), None)
    earned = _earned(issue, state, slot)
    event = StatementIssued(
        statement=f"{issue.contract}-{slot.label}",
        contract=issue.contract,
        interval=slot.interval,
        currency=slot.currency,
        rulebook=rated.rulebook if rated is not None else 1,
        lines=figures.lines,
        net=figures.net,
        taxes=figures.taxes,
        total=figures.total,
        undetermined=rated.undetermined if rated is not None else (),
        provisional=issue.provisional,
        calendar=slot.calendar,
        zone=slot.billing.zone,
        rounding=slot.billing.rounding,
        issued_at=issue.issued_at,
        due_at=issue.due_at,
        basis=issue.basis,
        digest="",
        recognised=tuple(
            Recognised(account=name, amount=amount(total - state.booked.get(name, 0), slot.currency))
            for name, total in sorted(_all_accounts(earned.recognised, state).items())
            if total != state.booked.get(name, 0)
        ),
        measured=_since(earned.measured, state.measured),
    )
    return msgspec.structs.replace(event, digest=digest(event))


def _earned(issue: Issue, state: Account, slot: Slot) -> Earned:
    """What is booked with the statement: to the end of its interval, or of a later issued one."""
    until = max([slot.interval.end, *(issued.interval.end for issued in state.issued.values())])
    return max((found for found in issue.earned if found.end <= until), key=lambda found: found.end)


def _all_accounts(totals: Mapping[str, int], state: Account) -> dict[str, int]:
    return {**dict.fromkeys(state.booked, 0), **totals}


def _since(total: Measured, before: Measured) -> Measured:
    fields: Iterable[str] = Measured.__struct_fields__
    return Measured(**{name: getattr(total, name) - getattr(before, name) for name in fields})


def digest(event: StatementIssued) -> str:
    """SHA-256 of everything a reader of the statement sees, in canonical bytes."""
    seen = [
        event.statement,
        event.interval,
        event.currency,
        event.rulebook,
        event.lines,
        event.net,
        event.taxes,
        event.total,
        event.undetermined,
        event.provisional,
    ]
    return sha256(msgspec.json.encode(seen, enc_hook=enc_hook, order="deterministic")).hexdigest()
