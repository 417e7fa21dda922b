"""Payments, credit notes, late interest, and what nettings pay."""

from fractions import Fraction

from schemas.decision import Emitted, Order, Outcome, Refused, States
from schemas.kernel.money import amount, minor
from schemas.kernel.rates import percent
from schemas.kernel.rounding import round_half_up
from schemas.settlement import (
    AccountEvent,
    ClaimInterest,
    CreditNoteIssued,
    InterestClaimed,
    IssueCreditNote,
    NetStatement,
    PaymentRecorded,
    RecordPayment,
    Remittance,
    SettlementRejection,
    StatementNetted,
    TaxEntry,
)
from services.settlement.domain.account import Account, Payment, Statement, TaxDue
from services.settlement.domain.open_items import Tray, claimable
from services.settlement.domain.standing import (
    Standing,
    not_theirs,
    statement_name,
    stream_of,
    unbookable,
)


def record_payment(states: States, order: Order[RecordPayment]) -> Outcome:
    """Record money received and lay it on what is open: first where the payer wants it, then oldest due.

    It is in the currency of the statements that it names, without any in that of the newest.
    """
    refused = not_theirs(order)
    if refused is not None:
        return refused
    standing: Standing = order.facts
    state: Account = states[stream_of(standing.contract)]
    command = order.command
    wishes = tuple(
        Remittance(statement=statement_name(w.statement, order), amount=w.amount) for w in command.remittance
    )
    unknown = [wish.statement for wish in wishes if wish.statement not in state.statements]
    if unknown:
        return Refused(SettlementRejection.STATEMENT_UNKNOWN, {"statement": unknown[0]})
    named = {state.statements[wish.statement].currency for wish in wishes}
    currency = named.pop() if len(named) == 1 else standing.currency
    value = in_currency(command.amount, currency)
    parts = [in_currency(wish.amount, currency) for wish in wishes]
    whole = [part for part in parts if part is not None]
    if value is not None and (value <= 0 or sum(whole) > value or any(part < 0 for part in whole)):
        return Refused(SettlementRejection.EXCEEDS_REMAINING, {"remaining": command.amount})
    stated = command.amount if value is None else amount(value, currency)
    event = _recorded(standing.contract, command, wishes, stated, currency)
    known = state.payments.get(command.payment)
    if known is not None:
        same = known.recorded == event
        return [] if same else Refused(SettlementRejection.PAYMENT_EXISTS_OTHERWISE)
    if value is None or len(whole) < len(parts) or len(named) > 1:
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": currency})
    missing = unbookable(states[f"book-{order.book}"], currency, command.received_at, value)
    if missing is not None:
        return missing
    tray = Tray(state, standing.contract)
    tray.take(Payment(recorded=event, amount=value, allocated=[]), wishes)
    return _emitted(standing, event, *tray.events)


def _recorded(
    contract: str, command: RecordPayment, wishes: tuple[Remittance, ...], stated: str, currency: str
) -> PaymentRecorded:
    return PaymentRecorded(
        contract=contract,
        payment=command.payment,
        currency=currency,
        amount=stated,
        received_at=command.received_at,
        remittance=wishes,
    )


def issue_credit_note(states: States, order: Order[IssueCreditNote]) -> Outcome:
    """Give back a part of a statement's net, with the tax on it; what was paid too much goes to others."""
    refused = not_theirs(order)
    if refused is not None:
        return refused
    standing: Standing = order.facts
    state: Account = states[stream_of(standing.contract)]
    command = order.command
    statement = state.statements.get(statement_name(command.statement, order))
    if statement is None:
        return Refused(SettlementRejection.STATEMENT_UNKNOWN)
    net = in_currency(command.net, statement.currency)
    known = state.notes.get(command.credit_note)
    if known is not None and _same_note(known, order.command, statement, net):
        return []
    remaining = statement.net - statement.credited_net
    if net is not None and not 0 < net <= remaining:
        return Refused(
            SettlementRejection.EXCEEDS_REMAINING,
            {"remaining": amount(max(0, remaining), statement.currency)},
        )
    if known is not None:
        return Refused(SettlementRejection.PAYMENT_EXISTS_OTHERWISE, {"credit_note": command.credit_note})
    if net is None:
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": statement.currency})
    missing = unbookable(states[f"book-{order.book}"], statement.currency, order.effective_at, net)
    if missing is not None:
        return missing
    event = _credit_note(standing, order, statement, net)
    tray = Tray(state, standing.contract)
    tray.reduce(statement.id, minor(event.total, event.currency))
    tray.settle(order.effective_at)
    return _emitted(standing, event, *tray.events)


def _same_note(
    known: CreditNoteIssued, command: IssueCreditNote, statement: Statement, net: int | None
) -> bool:
    same_net = net is not None and minor(known.net, known.currency) == net
    return same_net and known.statement == statement.id and known.reason == command.reason


def _credit_note(
    standing: Standing, order: Order[IssueCreditNote], statement: Statement, net: int
) -> CreditNoteIssued:
    """Tax by entry = round(rate x net credited so far, in proportion to its base) - tax credited before."""
    credited = statement.credited_net + net
    taxes = [_tax_given_back(tax, statement, credited) for tax in statement.taxes]
    entries = tuple(
        TaxEntry(
            category=tax.category,
            rate_percent=tax.rate_percent,
            base=amount(_on_base(net, tax, statement), statement.currency),
            amount=amount(given, statement.currency),
        )
        for tax, given in zip(statement.taxes, taxes, strict=True)
    )
    return CreditNoteIssued(
        contract=standing.contract,
        credit_note=order.command.credit_note,
        statement=statement.id,
        currency=statement.currency,
        net=amount(net, statement.currency),
        taxes=entries,
        total=amount(net + sum(taxes), statement.currency),
        reason=order.command.reason,
        issued_at=order.effective_at,
    )


def _tax_given_back(tax: TaxDue, statement: Statement, credited: int) -> int:
    if credited == statement.net:
        return tax.amount - tax.credited
    exact = percent(tax.rate_percent) * credited * tax.base / statement.net
    return round_half_up(exact) - tax.credited


def _on_base(net: int, tax: TaxDue, statement: Statement) -> int:
    """The part of a credited net that lies on a tax entry's base."""
    return round_half_up(Fraction(net * tax.base, statement.net))


def claim_interest(states: States, order: Order[ClaimInterest]) -> Outcome:
    """Claim what late interest has accrued by an instant, at most by now, less what was claimed before."""
    refused = not_theirs(order)
    if refused is not None:
        return refused
    standing: Standing = order.facts
    state: Account = states[stream_of(standing.contract)]
    up_to = min(order.command.up_to, order.at.replace(microsecond=0))
    due = claimable(state, standing.interest, up_to, standing.currency)
    if not due:
        return []
    event = InterestClaimed(
        contract=standing.contract,
        currency=standing.currency,
        amount=amount(due, standing.currency),
        up_to=up_to,
    )
    return _emitted(standing, event)


def net_statement(states: States, order: Order[NetStatement]) -> Outcome:
    """Close a statement by a settled netting; once for each netting."""
    standing: Standing | None = order.facts
    command = order.command
    if standing is None:
        return []
    state: Account = states[stream_of(standing.contract)]
    statement = state.statements.get(command.statement)
    if statement is None or (command.netting, command.statement) in state.netted:
        return []
    event = StatementNetted(
        contract=standing.contract,
        statement=command.statement,
        netting=command.netting,
        currency=statement.currency,
        amount=command.amount,
        value_date=command.value_date,
    )
    tray = Tray(state, standing.contract)
    tray.reduce(statement.id, minor(command.amount, statement.currency))
    tray.settle(order.effective_at)
    return _emitted(standing, event, *tray.events)


def in_currency(text: str, currency: str) -> int | None:
    """The minor units of an amount; None where it is finer than the currency."""
    try:
        return minor(text, currency)
    except ValueError:
        return None


def _emitted(standing: Standing, *events: AccountEvent) -> list[Emitted]:
    stream = stream_of(standing.contract)
    return [Emitted(stream=stream, event=event, counterparty=standing.customer) for event in events]
