"""The order of the rejections: row n breaks rule n and, as far as one command can, all that follow."""

from datetime import timedelta

import msgspec
import pytest

from schemas.contracts import (
    AcceptContract,
    AmendContract,
    BlockCharge,
    Changes,
    ElectRemedy,
    ExerciseOption,
    GiveConsent,
    GiveNotice,
    MinimumCharge,
    NovateContract,
    Option,
    OptionTerms,
    Rejection,
    RequestLine,
    SetFee,
    SignContract,
    TerminateContract,
    TerminationRight,
    Transfer,
    WithdrawNotice,
)
from schemas.contracts.values import Delivery
from schemas.kernel.interval import Span
from schemas.message import Command
from tests.unit.contracts.book import END, NOW, START, Book, day, fee, line, terms

REVERSED = Span(END, START)
OVERLAP = (
    *fee("1.00", end=day("2027-07-01")).steps,
    *fee("2.00", start=day("2027-06-01")).steps,
)
BAD_CHARGES = (
    fee().__class__(charge="fee", lines=("main",), steps=OVERLAP),
    BlockCharge(charge="blk", line="ghost", committed_rate="1", overage_rate="1"),
    MinimumCharge(charge="floor", covers=("rent",), amount="5.00"),
)
OUTSIDE = (line(start=START - timedelta(days=1)),)
LATE = day("2030-01-01")


def own(**sections: object) -> SignContract:
    return SignContract(contract="fresh", terms=terms(**sections))


def amended(**sections: object) -> AmendContract:
    return AmendContract(
        contract="prime",
        effective_at=day("2027-03-01"),
        changes=Changes(**sections),  # type: ignore[arg-type] # sections by name
        reason="x",
    )


SIGNINGS: list[tuple[Rejection, str, SignContract]] = [
    (
        Rejection.EXISTS_WITH_OTHER_TERMS,
        "bolt",
        SignContract(
            contract="acme/prime",
            terms=terms(customer="acme", term=REVERSED, lines=OUTSIDE, charges=BAD_CHARGES),
        ),
    ),
    (
        Rejection.NOT_YOURS_TO_DO,
        "bolt",
        own(customer="acme", term=REVERSED, lines=OUTSIDE, charges=BAD_CHARGES),
    ),
    (
        Rejection.PARTIES_MUST_DIFFER,
        "acme",
        own(customer="acme", term=REVERSED, lines=OUTSIDE, charges=BAD_CHARGES),
    ),
    (Rejection.TERM_REVERSED, "acme", own(term=REVERSED, lines=OUTSIDE, charges=BAD_CHARGES)),
    (Rejection.LINE_UNKNOWN, "acme", own(lines=OUTSIDE, charges=BAD_CHARGES)),
    (Rejection.CHARGE_UNKNOWN, "acme", own(lines=OUTSIDE, charges=(BAD_CHARGES[0], BAD_CHARGES[2]))),
    (Rejection.LINE_OUTSIDE_TERM, "acme", own(lines=OUTSIDE, charges=BAD_CHARGES[:1])),
    (Rejection.STEPS_OVERLAP, "acme", own(charges=BAD_CHARGES[:1])),
]


@pytest.mark.parametrize(("code", "actor", "command"), SIGNINGS, ids=lambda value: str(value)[:30])
def test_of_a_signing_the_first_rule_broken_is_named(
    code: Rejection, actor: str, command: SignContract
) -> None:
    book = Book()
    book.signed()
    assert book.do(command, actor) == code


AMENDMENTS: list[tuple[Rejection, str, AmendContract]] = [
    (Rejection.CONTRACT_UNKNOWN, "zeta", amended(customer="acme", term=REVERSED, charges=BAD_CHARGES)),
    (Rejection.NOT_YOURS_TO_DO, "bolt", amended(customer="acme", term=REVERSED, charges=BAD_CHARGES)),
    (Rejection.PARTIES_MUST_DIFFER, "acme", amended(customer="acme", term=REVERSED, charges=BAD_CHARGES)),
    (Rejection.TERM_REVERSED, "acme", amended(customer="calm", term=REVERSED, charges=BAD_CHARGES)),
    (Rejection.LINE_UNKNOWN, "acme", amended(customer="calm", lines=OUTSIDE, charges=BAD_CHARGES)),
    (
        Rejection.CHARGE_UNKNOWN,
        "acme",
        amended(customer="calm", lines=OUTSIDE, charges=(BAD_CHARGES[0], BAD_CHARGES[2])),
    ),
    (
        Rejection.LINE_OUTSIDE_TERM,
        "acme",
        amended(customer="calm", lines=OUTSIDE, charges=BAD_CHARGES[:1]),
    ),
    (Rejection.STEPS_OVERLAP, "acme", amended(customer="calm", charges=BAD_CHARGES[:1])),
    (Rejection.AMEND_CHANGES_PARTIES, "acme", amended(customer="calm", charges=(fee("1.00"),))),
    (Rejection.OVERLAYS_LATER_TERMS, "acme", amended(charges=(fee("1.00"),))),
]


@pytest.mark.parametrize(("code", "actor", "command"), AMENDMENTS, ids=lambda value: str(value)[:30])
def test_of_an_amendment_the_first_rule_broken_is_named(
    code: Rejection, actor: str, command: AmendContract
) -> None:
    book = Book()
    book.signed()
    later = AmendContract(
        contract="prime",
        effective_at=day("2027-06-01"),
        changes=Changes(charges=(fee("400000.00"),)),
        reason="x",
    )
    assert isinstance(book.do(later, "acme"), list)
    command = msgspec.structs.replace(command, contract="acme/prime")
    assert book.do(command, actor) == code


RIGHTS = (
    TerminationRight(
        right="leave",
        party="customer",
        cause="convenience",
        notice_days=30,
        notice_not_before=day("2027-04-01"),
    ),
    TerminationRight(
        right="drop",
        party="supplier",
        cause="convenience",
        notice_days=30,
        notice_not_before=day("2027-06-01"),
    ),
    TerminationRight(right="cause", party="customer", cause="breach", notice_days=5),
)
MORE = Option(
    option="more",
    kind="extend",
    party="customer",
    exercise_by=day("2027-03-01"),
    terms=OptionTerms(term=Span(START, day("2028-07-01"))),
)
LIVING = terms(
    lines=(
        line().__class__(
            line="main",
            pool="north",
            quantity=line().quantity,
            delivery=Delivery(date_certain=START, grace_days=120, remedies=("reduce_fee",)),
        ),
    ),
    termination=RIGHTS,
    options=(MORE,),
    transfer=Transfer(sublease="forbidden", novation="consent"),
)
FORBIDDEN = terms(transfer=Transfer(novation="forbidden"))
AT = day("2027-04-15")


def novated(contract: str = "acme/prime", **given: object) -> NovateContract:
    share = {"to": "calm", "new_contract": "n", "effective_at": AT, "share_percent": "120"}
    return NovateContract(contract=contract, **(share | given))  # type: ignore[arg-type] # by name


IN_LIFE: list[tuple[Rejection, str, Command]] = [
    (Rejection.CONTRACT_UNKNOWN, "calm", GiveNotice(contract="acme/prime", right="none", given_at=LATE)),
    (
        Rejection.GIVEN_AT_NOT_NOW,
        "bolt",
        GiveNotice(contract="acme/prime", right="none", given_at=NOW),
    ),
    (
        Rejection.RIGHT_UNKNOWN,
        "bolt",
        GiveNotice(contract="acme/prime", right="cause", given_at=AT),
    ),
    (
        Rejection.RIGHT_OF_OTHER_PARTY,
        "bolt",
        GiveNotice(contract="acme/prime", right="drop", given_at=AT),
    ),
    (Rejection.NOTICE_TOO_EARLY, "acme", GiveNotice(contract="prime", right="drop")),
    (Rejection.NOTICE_ALREADY_GIVEN, "bolt", GiveNotice(contract="acme/prime", right="leave")),
    (Rejection.NOT_YOURS_TO_DO, "acme", WithdrawNotice(contract="prime")),
    (
        Rejection.RIGHT_UNKNOWN,
        "bolt",
        TerminateContract(contract="acme/prime", ends_at=AT, cause="convenience"),
    ),
    (
        Rejection.RIGHT_OF_OTHER_PARTY,
        "acme",
        TerminateContract(contract="prime", ends_at=AT, cause="breach"),
    ),
    (
        Rejection.NOTICE_TOO_EARLY,
        "bolt",
        TerminateContract(contract="acme/prime", ends_at=AT, cause="breach"),
    ),
    (Rejection.NOT_YOURS_TO_DO, "acme", ElectRemedy(contract="prime", line="side", remedy="scold")),
    (Rejection.LINE_UNKNOWN, "bolt", ElectRemedy(contract="acme/prime", line="side", remedy="scold")),
    (Rejection.REMEDY_NOT_DUE, "bolt", ElectRemedy(contract="acme/prime", line="main", remedy="scold")),
    (Rejection.RIGHT_OF_OTHER_PARTY, "acme", ExerciseOption(contract="prime", option="more")),
    (Rejection.OPTION_UNKNOWN, "bolt", ExerciseOption(contract="acme/prime", option="less")),
    (Rejection.OPTION_LAPSED, "bolt", ExerciseOption(contract="acme/prime", option="more")),
    (
        Rejection.NOT_YOURS_TO_DO,
        "bolt",
        GiveConsent(contract="acme/prime", kind="sublease", to="calm"),
    ),
    (
        Rejection.TRANSFER_FORBIDDEN,
        "acme",
        GiveConsent(contract="prime", kind="sublease", to="calm"),
    ),
    (Rejection.EXISTS_WITH_OTHER_TERMS, "bolt", novated(new_contract="other", to="acme")),
    (Rejection.CONTRACT_ENDED, "bolt", novated(to="acme", effective_at=LATE)),
    (Rejection.PARTIES_MUST_DIFFER, "bolt", novated(to="acme")),
    (Rejection.LINE_UNKNOWN, "bolt", novated(lines=("ghost",), share_percent=None)),
    (Rejection.TRANSFER_FORBIDDEN, "bolt", novated("acme/other")),
    (Rejection.CONSENT_MISSING, "bolt", novated()),
    (Rejection.SHARE_OUT_OF_RANGE, "acme", novated("prime")),
    (Rejection.SHARE_OUT_OF_RANGE, "acme", novated("prime", share_percent="0")),
    (Rejection.NOT_YOURS_TO_DO, "bolt", RequestLine(contract="acme/prime", line="ghost")),
    (Rejection.LINE_UNKNOWN, "acme", RequestLine(contract="prime", line="ghost")),
    (
        Rejection.NOT_YOURS_TO_DO,
        "bolt",
        SetFee(contract="acme/prime", charge="rent", start=START, amount="5.00"),
    ),
    (
        Rejection.CHARGE_UNKNOWN,
        "acme",
        SetFee(contract="prime", charge="fee", start=END, amount="5.001"),
    ),
    (
        Rejection.FEE_ALREADY_SET,
        "acme",
        SetFee(contract="prime", charge="fee", start=START, amount="5.00"),
    ),
    (
        Rejection.AMOUNT_TOO_FINE,
        "acme",
        SetFee(contract="prime", charge="fee", start=START, amount="5.001"),
    ),
]


@pytest.mark.parametrize(("code", "actor", "command"), IN_LIFE, ids=lambda value: str(value)[:40])
def test_of_what_is_done_in_life_the_first_rule_broken_is_named(
    code: Rejection, actor: str, command: Command
) -> None:
    book = Book()
    book.signed(LIVING)
    book.signed(FORBIDDEN, "other")
    notice = GiveNotice(contract="acme/prime", right="leave", given_at=day("2027-04-01"))
    assert isinstance(book.do(notice, "bolt", at=day("2027-04-01")), list)
    assert book.do(command, actor, at=AT) == code


AFTER_THE_END: list[tuple[str, Command]] = [
    ("bolt", AcceptContract(contract="acme/prime")),
    ("bolt", GiveNotice(contract="acme/prime", right="none", given_at=NOW)),
    ("bolt", WithdrawNotice(contract="acme/prime")),
    ("bolt", TerminateContract(contract="acme/prime", ends_at=AT, cause="convenience")),
    ("bolt", ElectRemedy(contract="acme/prime", line="side", remedy="scold")),
    ("bolt", ExerciseOption(contract="acme/prime", option="less")),
    ("acme", GiveConsent(contract="prime", kind="sublease", to="calm")),
    ("acme", RequestLine(contract="prime", line="ghost")),
    ("bolt", novated(to="acme", lines=("ghost",), share_percent=None)),
]


@pytest.mark.parametrize(("actor", "command"), AFTER_THE_END, ids=lambda value: str(value)[:40])
def test_after_the_end_only_late_knowledge_arrives(actor: str, command: Command) -> None:
    book = Book()
    book.signed(LIVING)
    assert book.do(command, actor, at=END) == Rejection.CONTRACT_ENDED


def test_amendments_and_fees_arrive_after_the_end() -> None:
    book = Book()
    book.signed(terms(charges=(fee(None),)))
    fee_set = SetFee(contract="prime", charge="fee", start=START, amount="5.00")
    assert len(book.do(fee_set, "acme", at=LATE)) == 1
    late = amended(charges=(fee("7.00"),))
    assert len(book.do(late, "acme", at=LATE)) == 1
