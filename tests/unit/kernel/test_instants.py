"""Instants, intervals and names."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.codec import InvalidMessageError, convert
from schemas.kernel.instants import EARLIEST, LATEST, as_utc, fault_of, instant, iso, parse, seconds, settle
from schemas.kernel.interval import Interval, Span
from schemas.kernel.names import is_id, local, owner, qualify
from schemas.kernel.wire import Instant

epoch_seconds = st.integers(seconds(EARLIEST), seconds(LATEST))


@given(epoch_seconds)
def test_an_instant_survives_the_round_trip(second: int) -> None:
    assert seconds(instant(second)) == second
    assert parse(iso(instant(second))) == instant(second)


@given(epoch_seconds, st.integers(0, 999_999))
def test_a_fraction_is_told_when_there_is_one_and_cut_downwards(second: int, micro: int) -> None:
    t = instant(second) + timedelta(microseconds=micro)
    assert seconds(t) == second
    assert parse(iso(t)) == t or t > LATEST
    assert ("." in iso(t)) == bool(micro)


def test_offsets_are_brought_to_utc() -> None:
    assert iso(parse("2026-10-01T02:00:00+02:00")) == "2026-10-01T00:00:00Z"
    assert iso(parse("2026-10-01t00:00:00z")) == "2026-10-01T00:00:00Z"
    assert parse("2026-10-01T02:00:00+02:00").tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01T00:00:00",
        "2026-10-01",
        "2026-10-01 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "2026-10-01T00:00:00.1234567Z",
        "2026-10-01T00:00:00Z\n",
        "2026-10-01T24:00:00Z",
        "20261001T000000Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_an_offset_that_leads_out_of_all_years_is_a_fault_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="outside the years"):
        as_utc(datetime.fromisoformat(text))
    with pytest.raises(InvalidMessageError, match="outside the years"):
        convert(Interval, {"start": text, "end": "2027-01-01T00:00:00Z"})


def test_faults_are_said_in_words() -> None:
    assert fault_of(LATEST) is None
    assert fault_of(LATEST + timedelta(seconds=1)) == "outside the years 2000 to 2199"
    assert fault_of(EARLIEST + timedelta(microseconds=1)) == "a time must be whole seconds"
    assert fault_of(EARLIEST + timedelta(microseconds=1), whole=False) is None
    assert fault_of(EARLIEST.replace(tzinfo=None)) == "a time needs an offset"


class Deadline(msgspec.Struct, frozen=True):
    due: Instant
    what: str = ""

    def __post_init__(self) -> None:
        settle(self)


def test_a_settled_struct_holds_utc_and_names_the_field_at_fault() -> None:
    read = msgspec.json.decode(b'{"due": "2026-10-01T02:00:00+02:00"}', type=Deadline)
    assert msgspec.json.encode(read.due) == b'"2026-10-01T00:00:00Z"'
    with pytest.raises(msgspec.ValidationError, match="due: outside the years 2000 to 2199"):
        msgspec.json.decode(b'{"due": "1999-10-01T02:00:00Z"}', type=Deadline)


spans = st.tuples(st.integers(0, 30), st.integers(1, 30)).map(
    lambda pair: Interval(instant(pair[0]), instant(pair[0] + pair[1]))
)


@given(spans, spans)
def test_an_overlap_holds_what_both_hold(a: Interval, b: Interval) -> None:
    both = a.overlap(b)
    for second in range(62):
        t = instant(second)
        assert (both is not None and both.contains(t)) == (a.contains(t) and b.contains(t))
    assert a.overlap(b) == b.overlap(a)
    assert a.covers(b) == (both == b)


def test_an_interval_is_never_empty_and_a_span_may_be_reversed() -> None:
    noon, later = datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 6, 1, 13, tzinfo=UTC)
    for end in (noon, noon - timedelta(hours=1)):
        with pytest.raises(ValueError, match="ends after it starts"):
            Interval(noon, end)
    assert Span(later, noon).end == noon
    assert Interval(noon, later).seconds == 3600


@pytest.mark.parametrize("kind", [Interval, Span])
def test_ends_are_in_utc_and_whole_seconds(kind: type[Interval | Span]) -> None:
    berlin = timezone(timedelta(hours=2))
    made = kind(datetime(2026, 6, 1, 2, tzinfo=berlin), datetime(2026, 6, 1, 3, tzinfo=berlin))
    assert msgspec.json.encode(made) == b'{"start":"2026-06-01T00:00:00Z","end":"2026-06-01T01:00:00Z"}'
    for second in (datetime(2026, 6, 1, 2, 0, 0, 1, tzinfo=UTC), datetime(2026, 6, 1, 2)):  # noqa: DTZ001
        with pytest.raises(ValueError):
            kind(second, datetime(2026, 6, 1, 3, tzinfo=UTC))
        with pytest.raises(ValueError):
            kind(datetime(2026, 6, 1, 1, tzinfo=UTC), second)


def test_names_are_qualified_by_their_owner() -> None:
    assert qualify("google-colossus", "spacex") == "spacex/google-colossus"
    assert qualify("spacex/google-colossus", "nebius") == "spacex/google-colossus"
    assert owner("spacex/google-colossus/colossus") == "spacex"
    assert local("spacex/google-colossus") == "google-colossus"
    assert local("google-colossus") == "google-colossus"
    with pytest.raises(ValueError, match="not a qualified name"):
        owner("google-colossus")


def test_an_id_is_short_lower_case_and_plain() -> None:
    assert [is_id(text) for text in ("a", "colossus-1", "0", "a" * 63)] == [True] * 4
    assert not any(is_id(text) for text in ("", "-a", "A", "a/b", "a\n", "a" * 64, "ä", "a_b"))
