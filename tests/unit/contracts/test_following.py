"""What capacity tells of lines, which dates are announced, and what a sublease's signing carries."""

import msgspec

from infra.event_store import StreamName
from infra.outcomes import Accepted
from infra.system import System
from schemas import capacity
from schemas.capacity.values import Cause
from schemas.contracts import (
    AnnounceDate,
    ContractStarted,
    GiveNotice,
    Head,
    LineConfirmed,
    LineCut,
    LineDelivered,
    LineRefusal,
    LineRefused,
    LineShort,
    RecordLine,
    RequestLine,
    SignContract,
    TerminationRight,
)
from schemas.kernel.schedule import Schedule
from services.contracts.reactions import told_by
from services.contracts.service import SERVICE
from tests.unit.contracts.book import END, NOW, START, Book, day, line, terms

ALL = Schedule.constant(START, END, 100)
SOME = Schedule.constant(START, day("2027-02-01"), 30)
NONE = Schedule.EMPTY


def record(**told: object) -> RecordLine:
    return RecordLine(contract="acme/prime", line="main", **told)  # type: ignore[arg-type] # by name


def test_a_reservation_of_a_line_is_told_and_one_made_by_hand_is_not() -> None:
    amended = capacity.ReservationAmended(
        pool="acme/north", reservation="acme/prime/main", quantity=ALL, tier=capacity.Tier.FIRM
    )
    assert told_by(amended) == record(reserved=ALL)
    assert told_by(msgspec.structs.replace(amended, reservation="own-training")) is None


def test_a_refusal_told_with_a_reservation_stands_even_if_it_stood_before() -> None:
    book = Book()
    book.signed()
    book.do(record(refused=LineRefusal(code="capacity_short")), "~reaction")
    told = record(reserved=SOME, refused=LineRefusal(code="capacity_short"))
    came = book.do(told, "~reaction")
    assert [type(event) for event in came] == [LineConfirmed, LineRefused]
    assert book.do(told, "~reaction") == []


def test_a_recall_leaves_less_and_is_added_up() -> None:
    recalled = capacity.CapacityRecalled(
        pool="acme/north", reservation="acme/prime/main", recalled=SOME, quantity=ALL - SOME
    )
    command = told_by(recalled)
    assert command is not None
    book = Book()
    book.signed()
    book.do(record(reserved=ALL), "~reaction")
    assert book.do(command, "~reaction") == [
        LineConfirmed(contract="acme/prime", line="main", quantity=ALL - SOME, recalled=SOME)
    ]


def test_a_cut_makes_a_line_short_and_its_end_makes_it_delivered() -> None:
    book = Book()
    book.signed()
    book.do(record(reserved=ALL), "~reaction")
    cut = record(cut=LineCut(cause=Cause.OUTAGE, quantity=SOME))
    assert book.do(cut, "~reaction") == [LineShort(contract="acme/prime", line="main", outage=SOME)]
    assert book.do(cut, "~reaction") == []
    restored = record(cut=LineCut(cause=Cause.OUTAGE, quantity=NONE))
    assert book.do(restored, "~reaction") == [LineDelivered(contract="acme/prime", line="main", quantity=ALL)]


def test_a_refusal_is_told_again_only_when_the_line_was_asked_for_again() -> None:
    book = Book()
    book.signed()
    refused = record(refused=LineRefusal(code="capacity_short", details={"short_by": 3}))
    told = [LineRefused(contract="acme/prime", line="main", code="capacity_short", details={"short_by": 3})]
    assert book.do(refused, "~reaction") == told
    assert book.do(refused, "~reaction") == []
    book.do(RequestLine(contract="prime", line="main"), "acme")
    assert book.do(refused, "~reaction") == told


def test_of_what_is_not_signed_nothing_is_recorded() -> None:
    assert Book().do(record(reserved=ALL), "~reaction") == []


def test_a_line_that_is_there_in_full_is_not_asked_for_again() -> None:
    book = Book()
    book.signed()
    book.do(record(reserved=ALL), "~reaction")
    assert book.do(RequestLine(contract="prime", line="main"), "acme") == []


def test_a_date_that_has_moved_is_not_announced() -> None:
    book = Book()
    right = TerminationRight(right="leave", party="customer", cause="convenience", notice_days=1)
    book.signed(terms(termination=(right,)))
    start = AnnounceDate(contract="acme/prime", date="start", at=START)
    assert book.do(start, "~timer", at=START) == [ContractStarted(contract="acme/prime", at=START)]
    notice = GiveNotice(contract="acme/prime", right="leave")
    book.do(notice, "bolt", at=day("2027-02-01"))
    end = AnnounceDate(contract="acme/prime", date="end", at=END)
    assert book.do(end, "~timer", at=END) == []


async def test_a_sublease_carries_how_far_its_head_was_known() -> None:
    system = await System.open([SERVICE], NOW)
    first = await system.submit("acme", SignContract(contract="head", terms=terms()))
    base = line()
    sublet = type(base)(line="main", quantity=base.quantity, from_=Head(contract="acme/head", line="main"))
    agreed = terms(supplier="bolt", customer="calm", lines=(sublet,))
    await system.submit("bolt", SignContract(contract="sub", terms=agreed))
    assert isinstance(first, Accepted)
    (name,) = await system.store.streams("contracts", "calm", "contract")
    assert name == StreamName("bolt", "contract-sub")
    (signed,) = await system.store.stream("contracts", "bolt", "contract-sub")
    assert [(need.log, need.position) for need in signed.meta.needs] == [("contracts", first.place.last)]
