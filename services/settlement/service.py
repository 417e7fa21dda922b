"""The settlement service as a value: what it decides, keeps, follows and can be asked."""

from infra.service import Ask, Rule, Service
from schemas import settlement as messages
from schemas.kernel.calendar import tzdata_version
from services.settlement import gathering, naming, posting
from services.settlement.aggregates import AGGREGATES
from services.settlement.checks import CHECKS
from services.settlement.domain import book, cost, disputes, issuing, netting, receipts, remeasuring
from services.settlement.domain.rating import RULEBOOKS, lacking
from services.settlement.projections import PROJECTIONS
from services.settlement.reactions import REACTIONS
from services.settlement.reads.balance import balance_of
from services.settlement.reads.commitments import commitments
from services.settlement.reads.explain import explain
from services.settlement.reads.journal import journal
from services.settlement.reads.margin import margin
from services.settlement.reads.netting import netting as netting_of
from services.settlement.reads.revenue import revenue
from services.settlement.reads.statement import statement
from services.settlement.timers import TIMERS

LOG = "settlement"
WRITE = "settlement:write"
READ = "settlement:read"

RULES = (
    Rule(
        command=messages.IssueStatement,
        log=LOG,
        subject="contract",
        verb="issue-statement",
        place=naming.account_place,
        gather=gathering.standing_with_statement,
        decide=issuing.issue_statement,
        scope=WRITE,
    ),
    Rule(
        command=messages.CloseInterval,
        log=LOG,
        subject="contract",
        verb="close-interval",
        place=naming.account_place,
        gather=gathering.standing_with_statement,
        decide=issuing.close_interval,
        scope=WRITE,
    ),
    Rule(
        command=messages.MoveRulebook,
        log=LOG,
        subject="contract",
        verb="move-rulebook",
        place=naming.account_place,
        gather=gathering.standing_with_statement,
        decide=issuing.move_rulebook,
        scope=WRITE,
    ),
    Rule(
        command=messages.IssueCreditNote,
        log=LOG,
        subject="contract",
        verb="issue-credit-note",
        place=naming.account_place,
        gather=gathering.standing,
        decide=receipts.issue_credit_note,
        scope=WRITE,
    ),
    Rule(
        command=messages.RecordPayment,
        log=LOG,
        subject="contract",
        verb="record-payment",
        place=naming.account_place,
        gather=gathering.standing,
        decide=receipts.record_payment,
        reported_as=messages.PaymentRecorded,
        scope=WRITE,
    ),
    Rule(
        command=messages.OpenDispute,
        log=LOG,
        subject="contract",
        verb="open-dispute",
        place=naming.account_place,
        gather=gathering.standing,
        decide=disputes.open_dispute,
        scope=WRITE,
    ),
    Rule(
        command=messages.ResolveDispute,
        log=LOG,
        subject="contract",
        verb="resolve-dispute",
        place=naming.account_place,
        gather=gathering.standing,
        decide=disputes.resolve_dispute,
        scope=WRITE,
    ),
    Rule(
        command=messages.ClaimInterest,
        log=LOG,
        subject="contract",
        verb="claim-interest",
        place=naming.account_place,
        gather=gathering.standing,
        decide=receipts.claim_interest,
        scope=WRITE,
    ),
    Rule(
        command=messages.NetStatement,
        log=LOG,
        place=naming.account_place,
        gather=gathering.standing,
        decide=receipts.net_statement,
        scope=WRITE,
        internal=True,
    ),
    Rule(
        command=messages.RemeasureAccount,
        log=LOG,
        place=naming.account_place,
        gather=gathering.ended,
        decide=remeasuring.remeasure_account,
        scope=WRITE,
        internal=True,
    ),
    Rule(
        command=messages.SetBook,
        log=LOG,
        subject="",
        verb="set-book",
        place=naming.book_place,
        decide=book.set_book,
        scope=WRITE,
    ),
    Rule(
        command=messages.RecordRate,
        log=LOG,
        subject="",
        verb="record-rate",
        place=naming.book_place,
        decide=book.record_rate,
        reported_as=messages.RateRecorded,
        scope=WRITE,
    ),
    Rule(
        command=messages.ProposeNetting,
        log=LOG,
        subject="netting",
        verb="propose",
        place=naming.proposal_place,
        gather=gathering.open_statements,
        decide=netting.propose,
        scope=WRITE,
    ),
    Rule(
        command=messages.AcceptNetting,
        log=LOG,
        subject="netting",
        verb="accept",
        place=naming.netting_place,
        decide=netting.accept,
        scope=WRITE,
    ),
    Rule(
        command=messages.SettleNetting,
        log=LOG,
        place=naming.netting_place,
        decide=netting.settle,
        scope=WRITE,
        internal=True,
    ),
    Rule(
        command=messages.RecordCost,
        log=LOG,
        subject="pool",
        verb="record-cost",
        place=naming.cost_place,
        decide=cost.record_cost,
        reported_as=messages.CostRecorded,
        scope=WRITE,
    ),
)

ASKS = (
    Ask(
        name="settlement.statement",
        question=messages.StatementQuestion,
        answer=statement,
        path="settlement/statement",
        scope=READ,
    ),
    Ask(
        name="settlement.explain",
        question=messages.ExplainQuestion,
        answer=explain,
        path="settlement/explain",
        scope=READ,
    ),
    Ask(
        name="settlement.balance",
        question=messages.BalanceQuestion,
        answer=balance_of,
        path="settlement/balance",
        scope=READ,
    ),
    Ask(
        name="settlement.journal",
        question=messages.JournalQuestion,
        answer=journal,
        path="settlement/journal",
        scope=READ,
    ),
    Ask(
        name="settlement.commitments",
        question=messages.CommitmentsQuestion,
        answer=commitments,
        path="settlement/commitments",
        scope=READ,
    ),
    Ask(
        name="settlement.revenue",
        question=messages.RevenueQuestion,
        answer=revenue,
        path="settlement/revenue",
        scope=READ,
    ),
    Ask(
        name="settlement.margin",
        question=messages.MarginQuestion,
        answer=margin,
        path="settlement/margin",
        scope=READ,
    ),
    Ask(
        name="settlement.netting",
        question=messages.NettingQuestion,
        answer=netting_of,
        path="settlement/netting",
        scope=READ,
    ),
)

SERVICE = Service(
    name="settlement",
    logs=(LOG,),
    aggregates=AGGREGATES,
    rules=RULES,
    asks=ASKS,
    reactions=REACTIONS,
    projections=(*PROJECTIONS, posting.PROJECTION),
    timers=TIMERS,
    checks=CHECKS,
    lacks=lambda: lacking(RULEBOOKS, tzdata_version()),
)
