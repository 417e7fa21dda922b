"""What settlement can be told to do. Contracts by qualified name, or short in the supplier's own mouth."""

from datetime import date

from schemas.kernel.interval import Interval
from schemas.kernel.wire import Amount, Currency, Id, Instant, Name, Rate, Text
from schemas.message import Command
from schemas.settlement.values import Pair, Remittance, Rulebook, StatementName


class IssueStatement(Command, tag="settlement.IssueStatement.v1"):
    """Bill an interval that has ended, and what changed in earlier ones."""

    contract: Name
    interval: Interval


class CloseInterval(Command, tag="settlement.CloseInterval.v1"):
    """Issue the interval's statement if there is none, and close the interval."""

    contract: Name
    interval: Interval


class IssueCreditNote(Command, tag="settlement.IssueCreditNote.v1"):
    """Give back a part of a statement's net, with the tax on it."""

    contract: Name
    credit_note: Id
    statement: StatementName
    net: Amount
    reason: Text


class RecordPayment(Command, tag="settlement.RecordPayment.v1"):
    """Record money received for a contract."""

    contract: Name
    payment: Id
    amount: Amount
    received_at: Instant
    remittance: tuple[Remittance, ...] = ()


class OpenDispute(Command, tag="settlement.OpenDispute.v1"):
    """Contest a part of a statement; by the customer."""

    contract: Name
    dispute: Id
    statement: StatementName
    amount: Amount
    reason: Text


class ResolveDispute(Command, tag="settlement.ResolveDispute.v1"):
    """Decide a dispute: `upheld` is given to the customer."""

    contract: Name
    dispute: Id
    upheld: Amount


class ClaimInterest(Command, tag="settlement.ClaimInterest.v1"):
    """Claim the late interest accrued up to an instant; a line of the next statement."""

    contract: Name
    up_to: Instant


class MoveRulebook(Command, tag="settlement.MoveRulebook.v1"):
    """Have an interval computed by another rulebook."""

    contract: Name
    interval: Interval
    rulebook: Rulebook
    reason: Text


class SetBook(Command, tag="settlement.SetBook.v1"):
    """Set the currency of one's own books."""

    currency: Currency


class RecordRate(Command, tag="settlement.RecordRate.v1"):
    """Record the rate of a day for one's own books."""

    pair: Pair
    date: date
    rate: Rate


class ProposeNetting(Command, tag="settlement.ProposeNetting.v1"):
    """Propose to settle statements among several parties by one amount each."""

    netting: Id
    parties: tuple[Id, ...]
    currency: Currency
    value_date: Instant
    statements: tuple[StatementName, ...]


class AcceptNetting(Command, tag="settlement.AcceptNetting.v1"):
    """Accept a proposed netting; by each party named."""

    netting: Name


class RecordCost(Command, tag="settlement.RecordCost.v1"):
    """Record what a pool's capacity costs its operator."""

    pool: Name
    interval: Interval
    amount: Amount
    what: Text


class SettleNetting(Command, tag="settlement.SettleNetting.v1"):
    """Settle an accepted netting at its value date; by our own timer."""

    netting: Name


class NetStatement(Command, tag="settlement.NetStatement.v1"):
    """Close a statement by a settled netting; by our own reaction."""

    contract: Name
    statement: StatementName
    netting: Name
    amount: Amount
    value_date: Instant


class RemeasureAccount(Command, tag="settlement.RemeasureAccount.v1"):
    """Value anew at ends of intervals what is open in another currency than the books'; by our own timer."""

    contract: Name
