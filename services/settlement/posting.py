"""The books of tenants, kept in double entry: what the journal says, posted as its events are recorded."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from infra.event_store import Cut, Recorded
from infra.past import Past
from infra.service import Column, Postings, Projection, Row, Running, Table
from infra.sums import Between, Summing
from schemas.settlement import AccountEvent, BookEvent
from services.settlement.domain import book as books_domain
from services.settlement.domain.book import Book
from services.settlement.domain.journal import Group, Posting
from services.settlement.domain.posting import (
    Booked,
    ContractBooks,
    Missing,
    booked,
    concerns,
    copied,
    rebooked,
)
from services.settlement.domain.standing import stream_of
from services.settlement.domain.valuing import RateMissingError

LOG = "settlement"
NAME = "settlement.postings"
POSTINGS = "postings"
UNBOOKED = "unbooked"
CONTRACTS_KEPT_MAX = 1000


class Books:
    """The books of one tenant: its currency and rates, and the contracts that were posted to last."""

    def __init__(self, tenant: str, book: Book) -> None:
        """Take the books as set up so far."""
        self.tenant, self.book = tenant, book
        self._contracts: OrderedDict[str, ContractBooks] = OrderedDict()

    async def post(self, source: int, event: AccountEvent, past: Past) -> list[Row]:
        """Return the rows of an account's event; `past` lies just before it."""
        contract = event.contract
        found = self._contracts.pop(contract, None)
        if found is None:
            found = ContractBooks(self.book)
            for position, earlier in await account_events(past, self.tenant, stream_of(contract)):
                found.post(position, earlier)
        before = found.missing
        made = found.post(source, event)
        self._contracts[contract] = found
        if len(self._contracts) > CONTRACTS_KEPT_MAX:
            self._contracts.popitem(last=False)
        rows = [row for one in made for row in _rows(self.tenant, one)]
        return rows if found.missing is before else [*rows, _unbooked(self.tenant, contract, found.missing)]

    async def change(self, event: BookEvent, past: Past) -> list[Row]:
        """Return the rows of an event of the books themselves: whatever is booked otherwise from now on."""
        before, after = self.book, books_domain.evolve(copied(self.book), event)
        rows: list[Row] = []
        for name in await past.streams(LOG, self.tenant, "account"):
            events = (
                await account_events(past, self.tenant, name.stream) if name.tenant == self.tenant else []
            )
            currencies = {getattr(found, "currency", "") for _, found in events}
            if not events or not concerns(before, event, currencies):
                continue
            (then, lacked), (now, lacks) = booked(before, events), booked(after, events)
            rows += [row for one in rebooked(then, now) for row in _rows(self.tenant, one)]
            if lacked is not None or lacks is not None:
                rows.append(_unbooked(self.tenant, events[0][1].contract, lacks))
        self.book = after
        self._contracts.clear()
        return rows


async def restore(recorded: Recorded, past: Past) -> Books:
    """Return a tenant's books just before an event."""
    tenant = recorded.tenant
    events: list[Any] = [found.event for found in await past.stream(LOG, tenant, f"book-{tenant}")]
    return Books(tenant, reduce(books_domain.evolve, events, books_domain.initial()))


async def step(books: Books, recorded: Recorded, past: Past) -> Sequence[Row]:
    """Return the rows that an event adds to its tenant's books."""
    event = recorded.event
    if isinstance(event, AccountEvent):
        return await books.post(recorded.position, event, past)
    if isinstance(event, BookEvent):
        return await books.change(event, past)
    return []


async def posted(past: Past, tenant: str, between: Between) -> list[Group]:
    """Return the groups of a tenant's books as booked at a past's cut, in the order of their events."""
    found: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for row in await past.rows(POSTINGS, {"tenant": tenant}, between):
        key = (row["source"], row["number"])
        if row["reversal"]:
            found.pop(key, None)
        else:
            found.setdefault(key, []).append(row)
    return [_group(rows) for _, rows in sorted(found.items())]


async def balances(past: Past, tenant: str, until: Any) -> dict[tuple[str, str], int]:  # noqa: ANN401 an instant
    """Return the balance of each account by what is booked before an instant, by account and currency."""
    summing = Summing(
        where={"tenant": tenant},
        by=("account", "currency", "reversal"),
        total="amount",
        before=("at", until),
    )
    totals: dict[tuple[str, str], int] = {}
    standing: dict[tuple[str, str], int] = {}
    for row in await past.totals(POSTINGS, summing):
        key = (row["account"], row["currency"])
        totals[key] = totals.get(key, 0) + row["total"]
        standing[key] = standing.get(key, 0) + (-row["count"] if row["reversal"] else row["count"])
    return {key: total for key, total in sorted(totals.items()) if standing[key]}


async def missing_rate(past: Past, tenant: str) -> tuple[str, Any] | None:
    """Return the currency and instant of the first event that waits for a rate; None if none does."""
    last: dict[str, Mapping[str, Any]] = {}
    for row in await past.rows(UNBOOKED, {"tenant": tenant}):
        last[row["contract"]] = row
    waiting = [row for row in last.values() if row["source"] is not None]
    first = min(waiting, key=lambda row: int(row["source"]), default=None)
    return None if first is None else (first["currency"], first["at"])


async def is_kept(past: Past, tenant: str) -> bool:
    """Whether the books are posted as far as a past's cut reaches."""
    shard = await past.shard_of(LOG, tenant)
    if shard is None or past.cut is None:
        return shard is None
    consumed: Cut = await past.consumed(NAME)
    return consumed.position(LOG, shard) >= past.cut.position(LOG, shard)


async def account_events(past: Past, tenant: str, stream: str) -> list[tuple[int, AccountEvent]]:
    """Return the events of an account, each with its position."""
    found: list[tuple[int, AccountEvent]] = []
    for recorded in await past.stream(LOG, tenant, stream):
        event = recorded.event
        assert isinstance(event, AccountEvent), "an account's stream holds its events"
        found.append((recorded.position, event))
    return found


def _rows(tenant: str, made: Booked) -> list[Row]:
    group = made.group
    common = {
        "tenant": tenant,
        "contract": group.contract,
        "cause": group.cause,
        "at": group.at,
        "currency": group.currency,
        "original_currency": group.original_currency,
        "source": made.source,
        "number": made.number,
        "reversal": int(made.reversal),
    }
    return [
        Row(POSTINGS, {**common, "account": p.account, "amount": p.amount, "original": p.original})
        for p in group.postings
    ]


def _unbooked(tenant: str, contract: str, missing: Missing | None) -> Row:
    error: RateMissingError | None = None if missing is None else missing.error
    values = {
        "tenant": tenant,
        "contract": contract,
        "source": None if missing is None else missing.source,
        "currency": None if error is None else error.currency,
        "at": None if error is None else error.at,
    }
    return Row(UNBOOKED, values)


def _group(rows: Sequence[Mapping[str, Any]]) -> Group:
    first = rows[0]
    return Group(
        at=first["at"],
        contract=first["contract"],
        cause=first["cause"],
        currency=first["currency"],
        original_currency=first["original_currency"],
        postings=tuple(
            Posting(account=row["account"], amount=row["amount"], original=row["original"]) for row in rows
        ),
    )


PROJECTION = Projection(
    name=NAME,
    follows=(LOG,),
    running=Running(restore=restore, step=step),
    tables=(
        Table(
            name=POSTINGS,
            columns=(
                Column("tenant", "text"),
                Column("contract", "text"),
                Column("cause", "text"),
                Column("at", "timestamptz"),
                Column("source", "bigint"),
                Column("number", "bigint"),
                Column("reversal", "bigint"),
                Column("account", "text"),
                Column("currency", "text"),
                Column("amount", "bigint"),
                Column("balance", "bigint"),
                Column("original_currency", "text", optional=True),
                Column("original", "bigint", optional=True),
            ),
            index=(("tenant", "at"),),
            postings=Postings(
                group=("source", "number", "reversal"),
                account=("tenant", "account", "currency"),
                amount="amount",
                balance="balance",
            ),
        ),
        Table(
            name=UNBOOKED,
            columns=(
                Column("tenant", "text"),
                Column("contract", "text"),
                Column("source", "bigint", optional=True),
                Column("currency", "text", optional=True),
                Column("at", "timestamptz", optional=True),
            ),
            index=(("tenant",),),
        ),
    ),
)
